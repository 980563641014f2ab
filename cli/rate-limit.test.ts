import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createRateLimiter } from '#cli/rate-limit';

const key = (keyId: string) => ({ keyId });
const still = (): number => 0;

test('a key over a limit is refused with the time to wait, is counted, and keeps nobody else back', async () => {
  const metrics = new Registry();
  const limiter = createRateLimiter({ queryCostPerMinute: 100, recordBytesPerMinute: 1_000 }, metrics, still);
  limiter.queryCost(key('a'), 300);
  const refused = { code: 'TOO_MANY_REQUESTS', status: 429, retryAfter: 171 };
  expect(() => limiter.queryCost(key('a'), 1)).toThrow(expect.objectContaining(refused));
  limiter.queryCost(key('b'), 1);
  limiter.recordBytes(key('a'), 1_000);
  expect(() => limiter.recordBytes(key('a'), 1)).toThrow(expect.objectContaining({ retryAfter: 51 }));
  const counted = await metrics.getSingleMetricAsString('cairn_rate_limited_total');
  expect(counted).toContain('cairn_rate_limited_total{limit="query_cost",key="a"} 1');
  expect(counted).toContain('cairn_rate_limited_total{limit="record_bytes",key="a"} 1');
  expect(counted).not.toContain('key="b"');
});

test('0 sets no limit', () => {
  const limiter = createRateLimiter({ queryCostPerMinute: 0, recordBytesPerMinute: 0 }, new Registry());
  for (let asked = 0; asked < 3; asked += 1) {
    limiter.queryCost(key('a'), Number.MAX_SAFE_INTEGER);
    limiter.recordBytes(key('a'), Number.MAX_SAFE_INTEGER);
  }
});

test('a thousand keys over their limit make no thousand figures', async () => {
  const metrics = new Registry();
  const limiter = createRateLimiter({ queryCostPerMinute: 1, recordBytesPerMinute: 0 }, metrics, still);
  for (let number = 0; number < 1_000; number += 1) {
    limiter.queryCost(key(`k${number}`), 2);
    expect(() => limiter.queryCost(key(`k${number}`), 2)).toThrow('A key may ask');
  }
  const counted = await metrics.getSingleMetricAsString('cairn_rate_limited_total');
  expect(counted.split('\n').length).toBeLessThan(110);
  expect(counted).toContain('key="others"} 900');
});
