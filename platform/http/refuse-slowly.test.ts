import { expect, test } from 'vitest';
import { refuseSlowly } from '#platform/http/refuse-slowly';

async function timed(status: number): Promise<number> {
  const start = performance.now();
  await refuseSlowly(status);
  return performance.now() - start;
}

test('who asks too much waits for his refusal, and nobody else', async () => {
  const [tooMany, ...others] = await Promise.all([429, 400, 401, 403, 500, 503].map(timed));
  expect(tooMany).toBeGreaterThan(900);
  expect(Math.max(...others)).toBeLessThan(tooMany ?? 0);
});
