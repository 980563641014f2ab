import { getIntrospectionQuery, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { checkDocumentShape } from '#platform/graphql/document-shape';
import { DEFAULT_LIMITS } from '#platform/graphql/limits';

const LIMITS = { depth: 3, aliases: 2, directives: 2, variablesDepth: 4 };
const found = (query: string, limits = LIMITS): string[] =>
  checkDocumentShape(parse(query), limits).map(({ message }) => message);

describe('the shape of a document', () => {
  test.each([
    '{ a { b { c } } }',
    '{ x: a y: b }',
    '{ a @x @y }',
    '{ a { ... on T { b { c } } ...F } } fragment F on T { b { c } }',
  ])('within the limits: %s', (query) => {
    expect(found(query)).toEqual([]);
  });

  test.each([
    ['depth', '{ a { b { c { d } } } }'],
    ['depth', '{ a { ...F } } fragment F on T { b { c { d } } }'],
    ['depth', '{ a { ... { b { ... on T { c { d } } } } } }'],
    ['aliases', '{ x: a y: b z: c }'],
    ['aliases', '{ a { ...F } b { ...F } c { ...F } } fragment F on T { x: d }'],
    ['directives', '{ a @x @y @z }'],
    ['directives', 'query @x { a @y ... @z { b } }'],
    ['directives', '{ ...F @x ...F @y ...F @z } fragment F on T { d }'],
    ['depth', 'query A { a } query B { a { b { c { d } } } }'],
  ])('beyond the limit of %s: %s', (name, query) => {
    const [message, ...others] = found(query);
    expect(message).toContain(`${name} of at most`);
    expect(others).toEqual([]);
  });

  test.each([
    ['{ a(v: [[[[1]]]]) }', 0],
    ['{ a(v: [[[[[1]]]]]) }', 1],
    ['{ a(v: {b: [{c: [{d: 1}]}]}) }', 1],
    ['query ($v: [[[[[Int]]]]]) { a(v: $v) }', 1],
    ['{ a @x(v: [[[[[1]]]]]) }', 1],
    [`{ a(v: ${'{not:'.repeat(600)}{}${'}'.repeat(600)}) }`, 1],
  ])('values nested beyond the limit are refused: %s', (query, count) => {
    expect(found(query).filter((message) => message.includes('values nested 4 levels deep'))).toHaveLength(
      count,
    );
  });

  test('a circle of fragments ends', () => {
    expect(found('{ ...F } fragment F on T { a { ...G } } fragment G on T { ...F }')).toEqual([]);
  });

  test('doubling fragments are counted, not unfolded', () => {
    const chain = Array.from(
      { length: 60 },
      (_, i) => `fragment F${i} on T { ...F${i + 1} ...F${i + 1} }`,
    ).join(' ');
    expect(found(`{ ...F0 } ${chain} fragment F60 on T { x: a }`)).toEqual([
      expect.stringContaining('aliases'),
    ]);
  });

  test("graphql-js's own introspection fits into the limits of the house", () => {
    const query = getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true, oneOf: true });
    expect(found(query, DEFAULT_LIMITS)).toEqual([]);
  });
});
