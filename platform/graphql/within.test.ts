import { expect, test } from 'vitest';
import { within } from '#platform/graphql/within';

const never = new AbortController().signal;
const limit = (left: AbortSignal, ms = 60_000) => ({ ms, left, timedOut: () => new Error('too late') });
const endless = (signal: AbortSignal) =>
  new Promise<string>((resolve) => {
    signal.addEventListener('abort', () => resolve('given up'), { once: true });
  });

test('work that ends in time is handed on, values and errors', async () => {
  expect(await within(limit(never), () => 7)).toBe(7);
  await expect(within(limit(never), () => Promise.reject(new Error('own')))).rejects.toThrow('own');
  await expect(
    within(limit(never), () => {
      throw new Error('at once');
    }),
  ).rejects.toThrow('at once');
});

test('work that takes too long is told and given up', async () => {
  let told: AbortSignal | undefined;
  const work = within(limit(never, 5), (signal) => {
    told = signal;
    return endless(signal);
  });
  await expect(work).rejects.toThrow('too late');
  expect(told?.aborted).toBe(true);
});

test('work for a client that has left ends as well, even when he left before', async () => {
  const client = new AbortController();
  const work = within(limit(client.signal), endless);
  client.abort();
  await expect(work).rejects.toThrow('too late');
  await expect(within(limit(client.signal), endless)).rejects.toThrow('too late');
});
