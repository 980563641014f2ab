import { describe, expect, it } from 'vitest';
import { addMonths, retentionCutOff, startOfMonth } from '#domain/month';

const at = (text: string): number => Date.parse(text);

describe('months', () => {
  it('begin at their first instant, UTC', () => {
    expect(startOfMonth(at('2024-02-29T23:59:59.999Z'))).toBe(at('2024-02-01T00:00:00Z'));
    expect(startOfMonth(at('2024-03-01T00:00:00Z'))).toBe(at('2024-03-01T00:00:00Z'));
  });

  it('are counted over the ends of years and from the last days of long months', () => {
    expect(addMonths(at('2025-12-31T10:00:00Z'), 1)).toBe(at('2026-01-01T00:00:00Z'));
    expect(addMonths(at('2026-01-31T10:00:00Z'), 1)).toBe(at('2026-02-01T00:00:00Z'));
    expect(addMonths(at('2026-03-31T10:00:00Z'), -15)).toBe(at('2024-12-01T00:00:00Z'));
  });

  it('run out when every event of them is old enough', () => {
    expect(retentionCutOff(at('2026-11-23T12:00:00Z'), 12)).toBe(at('2025-11-01T00:00:00Z'));
    expect(retentionCutOff(at('2026-11-01T00:00:00Z'), 1)).toBe(at('2026-10-01T00:00:00Z'));
    expect(retentionCutOff(at('2026-10-31T23:59:59Z'), 1)).toBe(at('2026-09-01T00:00:00Z'));
  });
});
