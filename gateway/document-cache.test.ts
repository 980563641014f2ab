import { buildSchema } from 'graphql';
import { describe, expect, test } from 'vitest';
import { DocumentCache } from '#gateway/document-cache';
import { DEFAULT_LIMITS } from '#platform/graphql/limits';

const schema = buildSchema('type Query { a(text: String): String b: String }');
const cache = (): DocumentCache => new DocumentCache(DEFAULT_LIMITS);
const long = (letter: string): string => `{ a(text: "${letter.repeat(30_000)}") }`;

describe('DocumentCache', () => {
  test('reads the same text once', () => {
    const documents = cache();
    const first = documents.prepare(schema, '{ a }');
    expect(documents.prepare(schema, '{ a }')).toBe(first);
    expect(documents.prepare(schema, '{ b }')).not.toBe(first);
  });

  test('forgets what was used longest ago when it holds too much', () => {
    const documents = cache();
    const first = documents.prepare(schema, long('a'));
    const second = documents.prepare(schema, long('b'));
    for (const letter of ['c', 'd', 'e', 'f', 'g', 'h']) documents.prepare(schema, long(letter));
    expect(documents.prepare(schema, long('a'))).toBe(first);
    documents.prepare(schema, long('i'));
    expect(documents.prepare(schema, long('a'))).toBe(first);
    expect(documents.prepare(schema, long('b'))).not.toBe(second);
  });

  test('does not keep one that would push all others out', () => {
    const documents = cache();
    const first = documents.prepare(schema, '{ a }');
    const huge = `{ a(text: "${'x'.repeat(1_000_000)}") }`;
    expect(documents.prepare(schema, huge)).not.toBe(documents.prepare(schema, huge));
    expect(documents.prepare(schema, '{ a }')).toBe(first);
  });

  test('does not keep what is wrong, and says why each time', () => {
    const documents = cache();
    for (const [text, code] of [
      ['{', 'GRAPHQL_PARSE_FAILED'],
      ['{ c }', 'GRAPHQL_VALIDATION_FAILED'],
      [`{ ${'a '.repeat(3_000)} }`, 'GRAPHQL_PARSE_FAILED'],
      ['{ b @skip(if: true) }'.replace('@skip(if: true)', '@skip(if: true) '.repeat(40)), 'LIMIT_EXCEEDED'],
    ] as const) {
      const read = documents.prepare(schema, text);
      const again = documents.prepare(schema, text);
      expect(again).not.toBe(read);
      expect('errors' in again && again.errors[0]?.extensions).toMatchObject({ code, http: { status: 400 } });
    }
  });
});
