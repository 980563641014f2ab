import { describe, expect, it } from 'vitest';
import { judge, MAX_ATTEMPTS, type Verdict } from '#projections/alerts/deliveries/next-attempt';

const answered = (status: number, retryAfter?: number) => ({ status, retryAfter });
const delayOf = (verdict: Verdict): number =>
  verdict.kind === 'again' ? verdict.delayMs / 1_000 : Number.NaN;

describe('an attempt', () => {
  it('was good when the receiver says 2xx, and only then', () => {
    for (const status of [200, 202, 204, 299]) {
      expect(judge(answered(status), 1, 0)).toEqual({ kind: 'delivered', status });
    }
    for (const status of [101, 300, 301, 304, 307, 400, 401, 404, 413, 429, 500, 503]) {
      expect([status, judge(answered(status), 1, 0).kind]).toEqual([status, 'again']);
    }
    expect(judge({ failure: 'It broke.', retryable: true }, 1, 0.5)).toEqual({
      kind: 'again',
      error: 'It broke.',
      status: undefined,
      delayMs: 5_000,
      quietMs: 0,
    });
  });

  it('ends the delivery when the receiver is gone, or the address never works', () => {
    expect(judge(answered(410, 5), 1, 0)).toEqual({
      kind: 'dead',
      error: 'The receiver answered with 410.',
      status: 410,
    });
    expect(judge({ failure: 'No URL.', retryable: false }, 1, 0)).toMatchObject({ kind: 'dead' });
    expect(judge(answered(307), 1, 0)).toMatchObject({ error: expect.stringContaining('redirect') });
  });

  it('is followed by another, later each time, for about a day', () => {
    const delays = Array.from({ length: MAX_ATTEMPTS - 1 }, (_, n) =>
      delayOf(judge(answered(500), n + 1, 0.5)),
    );
    expect(delays).toEqual(delays.toSorted((a, b) => a - b));
    expect(delays[0]).toBe(5);
    const hours = delays.reduce((sum, delay) => sum + delay, 0) / 3_600;
    expect(hours).toBeGreaterThan(20);
    expect(hours).toBeLessThan(24);
    expect(judge(answered(500), MAX_ATTEMPTS, 0.5)).toMatchObject({ kind: 'dead', status: 500 });
    expect(judge(answered(500), MAX_ATTEMPTS + 1, 0.5)).toMatchObject({ kind: 'dead' });
  });

  it('does not come back together with those that failed together', () => {
    expect(delayOf(judge(answered(500), 1, 0))).toBeCloseTo(4);
    expect(delayOf(judge(answered(500), 1, 1))).toBeCloseTo(6);
  });

  it('waits as long as the receiver asks, an hour at most', () => {
    expect(judge(answered(429, 120), 1, 0.5)).toMatchObject({ delayMs: 120_000, quietMs: 120_000 });
    expect(judge(answered(503, 1), 3, 0.5)).toMatchObject({ delayMs: 60_000, quietMs: 1_000 });
    expect(judge(answered(503, 999_999_999), 1, 0.5)).toMatchObject({
      delayMs: 3_600_000,
      quietMs: 3_600_000,
    });
  });
});
