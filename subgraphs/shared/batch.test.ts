import { expect, test } from 'vitest';
import { batchPerRequest } from '#subgraphs/shared/batch';

function doubling(calls: number[][]) {
  return batchPerRequest<object, number, number>(async (keys) => {
    calls.push([...keys]);
    return keys.map((key) => key * 2);
  });
}

test('look-ups of one turn become one call, equal keys one key', async () => {
  const calls: number[][] = [];
  const double = doubling(calls);
  const context = {};
  expect(await Promise.all([1, 2, 1, 3].map((key) => double(key, context)))).toEqual([2, 4, 2, 6]);
  expect(calls).toEqual([[1, 2, 3]]);
});

test('requests do not share a batch, and a later look-up asks again', async () => {
  const calls: number[][] = [];
  const double = doubling(calls);
  const context = {};
  await Promise.all([double(1, context), double(1, {})]);
  await double(1, context);
  expect(calls).toEqual([[1], [1], [1]]);
});

test('a failed batch fails each of its look-ups, and only them', async () => {
  let broken = true;
  const load = batchPerRequest<object, string, string>(async (keys) => {
    if (broken) throw new Error('no store');
    return keys;
  });
  const context = {};
  const outcomes = await Promise.allSettled([load('a', context), load('b', context)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  broken = false;
  expect(await load('a', context)).toBe('a');
});

test('too few answers are a fault, not undefined', async () => {
  const load = batchPerRequest<object, string, string>(async () => []);
  await expect(load('a', {})).rejects.toThrow('1 keys was answered with 0 values');
});
