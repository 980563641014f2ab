import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { instantTerms, isInstant, textTerms } from '#projections/history/terms';

const distinct = (terms: string): string[] => [...new Set(terms.split(' '))].toSorted();

test('an instant has the terms of its words', () => {
  const digits = fc.nat(99).map((value) => String(value).padStart(2, '0'));
  const instant = fc
    .tuple(digits, digits, digits, digits, digits, digits, digits)
    .map(([century, year, month, day, hour, minute, second]) => {
      return `${century}${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
    });
  fc.assert(
    fc.property(instant, (text) => {
      expect(isInstant(text)).toBe(true);
      expect(distinct(instantTerms(text))).toEqual(distinct(textTerms(text)));
    }),
  );
});

test.each([
  '2026-01-02t03:04:05Z',
  '2026-01-02T03:04:05z',
  '2026-01-02T03:04:05.1Z',
  '2026-01-02 03:04:05Z',
  '2026-01-02T03.04:05Z',
  '2026-01-02T03:04:05Z\n',
  '\u0662026-01-02T03:04:5Z',
])('%j is cut like any text', (text) => {
  expect(isInstant(text)).toBe(false);
});
