import { expect, test } from 'vitest';
import { FairTurns } from '#platform/fair/fair-turns';

const of = (group: string, member = group) => ({ group, member });
const full = (): Error => new Error('full');

/** Work that goes on until it is told to end. */
function workers(turns: FairTurns) {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const start = (name: string): Promise<void> =>
    turns.take(of(name.charAt(0), name), () => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  const endOne = async (): Promise<void> => {
    ends.shift()?.();
    await settle();
  };
  return { begun, start, endOne, settle };
}

test('one that comes late is next, whoever has a hundred waiting', async () => {
  const turns = new FairTurns({ limit: 2, waiting: 200, full });
  const { begun, start, endOne, settle } = workers(turns);
  const all = Array.from({ length: 100 }, () => start('a'));
  all.push(start('b'));
  await settle();
  expect(begun).toEqual(['a', 'a']);
  await endOne();
  expect(begun).toEqual(['a', 'a', 'b']);
  while (turns.running > 0) await endOne();
  await Promise.all(all);
  expect(begun).toHaveLength(101);
  expect(turns.waiting).toBe(0);
});

test('a group has its number of places, and all of them while nobody else has worked lately', async () => {
  let now = 0;
  const turns = new FairTurns({ limit: 9, perGroupContended: 1, waiting: 9, full, now: () => now });
  const { begun, start, endOne, settle } = workers(turns);
  const early = [start('a'), start('a'), start('a')];
  await settle();
  expect(begun).toEqual(['a', 'a', 'a']);
  const late = [start('b'), start('a'), start('b')];
  await settle();
  expect(begun.slice(3)).toEqual(['b']);
  expect([turns.isContended('a'), turns.isContended('b')]).toEqual([true, true]);
  while (turns.running > 0) await endOne();
  await Promise.all([...early, ...late]);
  now += 60_000;
  expect(turns.isContended('a')).toBe(false);
  const again = [start('a'), start('a')];
  await settle();
  expect(turns.running).toBe(2);
  while (turns.running > 0) await endOne();
  await Promise.all(again);
});

test('who has as much waiting as it may is refused, and others are not', async () => {
  const turns = new FairTurns({ limit: 1, waiting: 2, full });
  const { start, endOne, settle } = workers(turns);
  const taken = [start('a'), start('a'), start('a')];
  await settle();
  await expect(start('a')).rejects.toThrow('full');
  taken.push(start('b'));
  await settle();
  expect(turns.waiting).toBe(3);
  while (turns.running > 0) await endOne();
  await Promise.all(taken);
});

test('what was given up while it waited is not begun, and what fails gives its place on', async () => {
  const turns = new FairTurns({ limit: 1, waiting: 9, full });
  const { begun, start, endOne } = workers(turns);
  const first = start('a');
  const gone = new AbortController();
  let ran = false;
  const given = turns.take(
    of('a'),
    async () => {
      ran = true;
    },
    gone.signal,
  );
  const failing = turns.take(of('a'), () => Promise.reject(new Error('broken')));
  const last = start('c');
  gone.abort(new Error('gone'));
  const outcomes = Promise.allSettled([given, failing]);
  while (turns.running > 0) await endOne();
  await Promise.all([first, last]);
  expect((await outcomes).map((one) => one.status === 'rejected' && String(one.reason))).toEqual([
    'Error: gone',
    'Error: broken',
  ]);
  expect([ran, begun]).toEqual([false, ['a', 'c']]);
});
