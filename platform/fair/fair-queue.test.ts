import { expect, test } from 'vitest';
import { FairQueue } from '#platform/fair/fair-queue';

const of = (group: string, member = group) => ({ group, member });

/** Serves all that waits, each for an amount of 1. */
function served(queue: FairQueue<string>): string {
  let order = '';
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    order += item;
    queue.charge(of(item.charAt(0), item), 1);
  }
  return order;
}

test('groups are served in turn, however much one of them has brought', () => {
  const queue = new FairQueue<string>();
  for (let count = 0; count < 5; count += 1) queue.push(of('a', 'a'), 'a');
  queue.push(of('b', 'b'), 'b');
  queue.push(of('b', 'b'), 'b');
  expect(queue.size).toBe(7);
  expect(served(queue)).toBe('ababaaa');
  expect(queue.size).toBe(0);
});

test('a group with many members gets no more than one with a single one, and they share it', () => {
  const queue = new FairQueue<string>();
  for (const name of ['x', 'y', 'z', 'x', 'y', 'z']) queue.push(of('many', name), name);
  for (let count = 0; count < 3; count += 1) queue.push(of('one', 'o'), 'o');
  const order: string[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    order.push(item);
    queue.charge(item === 'o' ? of('one', 'o') : of('many', item), 1);
  }
  expect(order.join('')).toBe('xoyozoxyz');
});

test('who takes much at a time is served less often', () => {
  const queue = new FairQueue<string>();
  for (let count = 0; count < 4; count += 1) {
    queue.push(of('large'), 'L');
    queue.push(of('small'), 's');
  }
  let order = '';
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    order += item;
    queue.charge(item === 'L' ? of('large') : of('small'), item === 'L' ? 3 : 1);
  }
  expect(order).toBe('LsssLsLL');
});

test('nobody saves up by waiting for nothing, and who comes anew is next', () => {
  const queue = new FairQueue<string>();
  queue.push(of('a'), 'a');
  queue.push(of('b'), 'b');
  served(queue);
  for (let count = 0; count < 100; count += 1) {
    queue.push(of('a'), 'a');
    queue.shift();
    queue.charge(of('a'), 1);
  }
  for (let count = 0; count < 3; count += 1) {
    queue.push(of('a'), 'a');
    queue.push(of('b'), 'b');
  }
  expect(served(queue).slice(0, 4)).toMatch(/^(ba|bb)/);
  queue.push(of('a'), 'a');
  queue.push(of('c'), 'c');
  expect(served(queue)).toBe('ca');
});

test('who may not be served now waits on, in front of nobody', () => {
  const queue = new FairQueue<string>();
  queue.push(of('a'), 'a');
  queue.push(of('b'), 'b');
  expect(queue.shift((group) => group !== 'a')).toBe('b');
  expect(queue.shift((group) => group !== 'a')).toBeUndefined();
  expect(queue.shift()).toBe('a');
});

test('callers who wait for nothing are forgotten, those who wait are not', () => {
  const queue = new FairQueue<number>();
  queue.push(of('waiting'), -1);
  for (let name = 0; name < 5_000; name += 1) {
    queue.push(of(`group ${name}`), name);
    queue.shift((group) => group !== 'waiting');
  }
  expect(queue.remembered).toBeLessThan(300);
  expect(queue.shift()).toBe(-1);
});
