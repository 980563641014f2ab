import { getIntrospectionQuery } from 'graphql';
import { expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '#platform/graphql/limits';
import { checkSourceDepth } from '#platform/graphql/source-depth';

const codesOf = (text: string): unknown[] =>
  checkSourceDepth(text, DEFAULT_LIMITS).map(({ extensions }) => extensions['code']);

test.each([
  ['{ a(x: "' + '['.repeat(500) + '") }'],
  ['{ a } # ' + '{'.repeat(500)],
  ['{ a(x: """' + '{'.repeat(500) + '""") }'],
  ['{'.repeat(14) + 'a' + '}'.repeat(14)],
  [getIntrospectionQuery()],
  ['no GraphQL \u0000 {{{'],
  [''],
])('passes: %s', (text) => {
  expect(codesOf(text)).toEqual([]);
});

test.each([['['], ['{a'], ['('], ['{a(x:[']])('too many of %s', (open) => {
  expect(codesOf(open.repeat(300))).toEqual(['LIMIT_EXCEEDED']);
  expect(codesOf(open.repeat(1_000_000))).toEqual(['LIMIT_EXCEEDED']);
});
