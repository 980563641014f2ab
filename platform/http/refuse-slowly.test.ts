import { expect, test } from 'vitest';
import { refuseSlowly } from '#platform/http/refuse-slowly';

async function waited(status: number): Promise<number> {
  const start = performance.now();
  await refuseSlowly(status);
  return performance.now() - start;
}

/** A timer of half a second may be a millisecond early. */
const LEAST_MS = 490;

test('who asks too much waits for his refusal, and nobody else', async () => {
  const [tooMany = 0, ...others] = await Promise.all([429, 400, 401, 403, 413, 503].map(waited));
  expect(tooMany).toBeGreaterThan(LEAST_MS);
  expect(Math.max(...others)).toBeLessThan(tooMany);
});

test('those who are refused together do not all come back together', async () => {
  const waits = await Promise.all(Array.from({ length: 20 }, () => waited(429)));
  expect(Math.min(...waits)).toBeGreaterThan(LEAST_MS);
  expect(new Set(waits.map((ms) => Math.round(ms / 10))).size).toBeGreaterThan(5);
});
