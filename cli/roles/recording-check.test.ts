import { expect, test } from 'vitest';
import { RecordingCheck } from '#cli/roles/recording-check';
import { CairnError } from '#domain/errors';

test('says that nothing can be recorded until something is, or nobody has tried for a minute', async () => {
  let now = 0;
  const recording = new RecordingCheck(() => now);
  const check = (): Promise<void> => recording.check(new AbortController().signal);
  const fail = (error: Error): Promise<unknown> =>
    recording.watch(() => Promise.reject(error)).catch(() => 'failed');
  await check();
  const full = new CairnError('UNAVAILABLE', 'full');
  expect(await fail(full)).toBe('failed');
  await expect(check()).rejects.toBe(full);
  expect(await recording.watch(() => Promise.resolve('recorded'))).toBe('recorded');
  await check();
  await fail(new CairnError('TOO_MANY_REQUESTS', 'slowly'));
  await check();
  await fail(full);
  now = 59_999;
  await expect(check()).rejects.toBe(full);
  now = 60_000;
  await check();
});
