import { expect, test } from 'vitest';
import { TokenBuckets } from '#platform/rate/token-buckets';

test('a key gets a bucket full at once, then what flows in, and is told how long to wait', () => {
  let now = 0;
  const buckets = new TokenBuckets({ perMinute: 60, now: () => now });
  expect(buckets.take('a', 59)).toBe(0);
  expect(buckets.take('a', 1)).toBe(0);
  expect(buckets.take('a', 1)).toBe(1);
  now += 1_000;
  expect(buckets.take('a', 1)).toBe(0);
  expect(buckets.take('a', 1)).toBe(1);
});

test('work that is larger than the bucket is done once, and paid for before the next', () => {
  let now = 0;
  const buckets = new TokenBuckets({ perMinute: 60, now: () => now });
  expect(buckets.take('a', 180)).toBe(0);
  expect(buckets.take('a', 1)).toBe(121);
  now += 120_000;
  expect(buckets.take('a', 1)).toBe(1);
  now += 1_000;
  expect(buckets.take('a', 1)).toBe(0);
});

test('who is refused pays nothing for it, and nobody pays for another', () => {
  const buckets = new TokenBuckets({ perMinute: 60, now: () => 0 });
  buckets.take('a', 60);
  for (let asked = 0; asked < 1_000; asked += 1) expect(buckets.take('a', 60)).toBe(1);
  expect(buckets.take('b', 60)).toBe(0);
});

test.each([
  [60, undefined],
  [10, 10],
])('a bucket holds no more than %i, however long nobody asks', (full, capacity) => {
  let now = 0;
  const buckets = new TokenBuckets({ perMinute: 60, capacity, now: () => now });
  buckets.take('a', 1);
  now += 3_600_000;
  expect(buckets.take('a', full)).toBe(0);
  expect(buckets.take('a', 1)).toBe(1);
});

test('as many buckets as told are kept: who was away longest is forgotten first', () => {
  const buckets = new TokenBuckets({ perMinute: 60, maxKeys: 2, now: () => 0 });
  buckets.take('a', 60);
  buckets.take('b', 60);
  expect(buckets.take('a', 1)).toBe(1);
  for (let key = 0; key < 1_000; key += 1) buckets.take(`k${key}`, 1);
  expect(buckets.size).toBe(2);
  expect(buckets.take('a', 60)).toBe(0);
});
