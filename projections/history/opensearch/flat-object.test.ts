import { expect, test } from 'vitest';
import type { JsonValue } from '#domain/event';
import { flatObject } from '#projections/history/opensearch/flat-object';

test('parameters are taken as they are', () => {
  const value = { bucketName: 'a', list: [1, { deep: [true] }], nothing: {} };
  expect(flatObject(value)).toEqual({ value, abridged: false });
  expect(flatObject({ a: null, b: [null, 1] })).toEqual({
    value: { a: undefined, b: [null, 1] },
    abridged: false,
  });
});

test('what is no object is wrapped, and nothing stays nothing', () => {
  expect(flatObject('text').value).toEqual({ value: 'text' });
  expect(flatObject([1, 2]).value).toEqual({ value: [1, 2] });
  expect(flatObject(null)).toEqual({ value: undefined, abridged: false });
  expect(flatObject(undefined)).toEqual({ value: undefined, abridged: false });
});

test('a name that is also one of JavaScript is a name', () => {
  const value = JSON.parse('{"__proto__":{"a":1},"constructor":"b"}');
  expect(JSON.stringify(flatObject(value).value)).toBe('{"__proto__":{"a":1},"constructor":"b"}');
});

test('no term becomes longer than Lucene takes, and what was cut is told', () => {
  const nested = Array.from({ length: 99 }).reduce<JsonValue>(
    (inner, _, index) => ({ ['n'.repeat(40) + String(index)]: inner }),
    'x'.repeat(100_000),
  );
  for (const value of [{ a: 'ÿ\uffff'.repeat(50_000) }, { ['ÿ'.repeat(40_000)]: 1, b: 2 }, nested]) {
    const flat = flatObject(value);
    expect(flat.abridged).toBe(true);
    expect(
      Math.max(...termsOf(flat.value, 'responseElements').map((term) => Buffer.byteLength(term)), 0),
    ).toBeLessThan(32_766);
  }
});

test('a list without end is cut', () => {
  const flat = flatObject({ list: Array.from({ length: 200_000 }, (_, index) => index) });
  expect(flat.abridged).toBe(true);
  expect(termsOf(flat.value, '').length).toBe(10_000);
});

/** As flat_object makes them: all names and the value. */
function termsOf(value: JsonValue | undefined, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => termsOf(item, path));
  if (typeof value !== 'object' || value === null) return [`${path}=${String(value)}`];
  return Object.entries(value).flatMap(([name, inner]) => termsOf(inner, `${path}.${name}`));
}
