import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { shown, storable, storedPrefix } from '#projections/history/opensearch/exact-text';

/** Any UTF-16, surrogates and the escape among it more often than chance would have it. */
const unit = fc.oneof(
  fc.constantFrom(0x10, 0xd800, 0xd83d, 0xdbff, 0xdc00, 0xde00, 0xdfff, 0xe000, 0xffff, 0x61, 0x30),
  fc.integer({ min: 0, max: 0xffff }),
);
const text = fc.array(unit, { maxLength: 8 }).map((units) => String.fromCharCode(...units));

test('any text is carried by UTF-8, and comes back', () => {
  fc.assert(
    fc.property(text, (value) => {
      const stored = storable(value);
      expect(stored.isWellFormed()).toBe(true);
      expect(shown(stored)).toBe(value);
    }),
  );
});

test('texts of people stay as they are', () => {
  for (const value of ['', 'GetObject', 'naïve 😀 \u{10ffff}', '\u0000\n'])
    expect(storable(value)).toBe(value);
});

/** By code points, as Lucene compares. */
function isBefore(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}

test('a stored text begins like the stored prefix exactly when the text begins with the prefix', () => {
  fc.assert(
    fc.property(text, text, fc.nat(8), (start, end, length) => {
      for (const [value, prefix] of [
        [start + end, start],
        [start + end, (start + end).slice(0, length)],
        [end, start],
      ] as const) {
        const stored = storable(value);
        const { prefix: whole, pairs } = storedPrefix(prefix);
        const isPair =
          pairs !== undefined &&
          stored.startsWith(pairs.prefix) &&
          !isBefore(stored, pairs.from) &&
          (pairs.to === undefined || isBefore(stored, pairs.to));
        expect(stored.startsWith(whole) || isPair).toBe(value.startsWith(prefix));
      }
    }),
    { numRuns: 2_000 },
  );
});
