import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '#domain/event-json';

const canonical = (text: string): string => canonicalJson(Buffer.from(text));

/** The same value spelled otherwise: members reversed, white space, every character of a string escaped. */
function respell(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(respell).join(' ,\n')}\t]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).toReversed();
    return `{ ${members.map(([name, inner]) => `${respell(name)} :\r${respell(inner)}`).join(' , ')} }`;
  }
  if (typeof value === 'string') {
    const codes = Array.from({ length: value.length }, (_, at) => value.charCodeAt(at));
    return `"${codes.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('')}"`;
  }
  return JSON.stringify(value);
}

describe('canonicalJson', () => {
  it('is the same for any spelling of the same content', () => {
    const strings = fc.string({
      unit: fc.oneof(fc.string({ minLength: 1, maxLength: 1 }), fc.constant('\ud800')),
    });
    const values = fc.jsonValue({ stringUnit: 'binary' });
    fc.assert(
      fc.property(fc.dictionary(strings, values), (record) => {
        const text = JSON.stringify(record);
        expect(canonical(respell(JSON.parse(text)))).toBe(canonical(text));
        expect(JSON.parse(canonical(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('is different for different content', () => {
    expect(canonical('{"a":["b","c"]}')).not.toBe(canonical('{"a":["c","b"]}'));
    expect(canonical('{"a":"1"}')).not.toBe(canonical('{"a":1}'));
    expect(canonical('{"a":null}')).not.toBe(canonical('{}'));
  });

  it('keeps the digits of numbers', () => {
    expect(canonical('{"n":9.82222E-5}')).toBe('{"n":9.82222E-5}');
    expect(canonical('{"n":9.82222E-5}')).not.toBe(canonical('{"n":0.0000982222}'));
    expect(canonical('{"n":12345678901234567890}')).not.toBe(canonical('{"n":12345678901234567891}'));
  });

  it('keeps members of the same name, in their order', () => {
    expect(canonical('{"b":0,"a":1,"a":2}')).toBe('{"a":1,"a":2,"b":0}');
    expect(canonical('{"a":2,"a":1}')).not.toBe(canonical('{"a":1,"a":2}'));
    expect(canonical('{"a":2}')).not.toBe(canonical('{"a":1,"a":2}'));
  });

  it('treats hostile names as names', () => {
    expect(canonical('{"__proto__":{"x":1},"constructor":2}')).toBe('{"__proto__":{"x":1},"constructor":2}');
  });

  it.each(['', '{', '{"a"}', '[1 2]', '{"a":1} x', '{a:1}', '{"a":"\n"}'])('throws on %j', (text) => {
    expect(() => canonical(text)).toThrow(SyntaxError);
  });
});
