import { expect, onTestFinished, test, vi } from 'vitest';
import { TimeSlices } from '#platform/fair/time-slices';

const of = (group: string, member = group) => ({ group, member });

function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('one part of a small piece of work waits for one slice of a large one, not for all of it', async () => {
  const slices = new TimeSlices();
  const order: string[] = [];
  const work = async (name: string, parts: number, ms: number): Promise<void> => {
    for (let part = 0; part < parts; part += 1) {
      await slices.next(of(name));
      compute(ms);
      order.push(name);
    }
  };
  const flood = Array.from({ length: 20 }, () => work('flood', 10, 2));
  const small = work('small', 5, 0.5);
  await small;
  expect(order.filter((name) => name === 'flood').length).toBeLessThan(12);
  await Promise.all(flood);
  expect(order).toHaveLength(205);
});

test('the process hears others between two slices', async () => {
  const slices = new TimeSlices();
  let heard = 0;
  const timer = setInterval(() => (heard += 1), 1);
  for (let part = 0; part < 50; part += 1) {
    await slices.next(of('busy'));
    compute(2);
  }
  clearInterval(timer);
  expect(heard).toBeGreaterThan(20);
});

test('who computes for an instant goes on without a break', async () => {
  const slices = new TimeSlices();
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns += 1;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  for (let part = 0; part < 10_000; part += 1) await slices.next(of('quick'));
  counting = false;
  expect(turns).toBeLessThan(5_000);
});

test('after a piece of work that could not be cut the next slice waits, so that the process hears others', async () => {
  const rests = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => rests.mockRestore());
  const slices = new TimeSlices();
  await slices.next(of('large'));
  compute(15);
  await slices.next(of('other'));
  expect(rests).toHaveBeenCalledWith(expect.any(Function), 1);
});
