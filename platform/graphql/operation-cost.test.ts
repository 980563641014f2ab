import { buildSchema, getOperationAST, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '#platform/graphql/limits';
import { checkOperationCost } from '#platform/graphql/operation-cost';

const schema = buildSchema(`
  scalar _Any
  union _Entity = Item
  type Query {
    items(first: Int, after: String, last: Int): ItemConnection!
    fixed(first: Int = 7): [Item!]!
    item: Item
    count: Int
    _entities(representations: [_Any!]!): [_Entity]!
  }
  type ItemConnection { edges: [ItemEdge!]! total: Int }
  type ItemEdge { node: Item! cursor: String }
  type Item { id: ID owner: Owner parts: [Part!] names: [String!] items(first: Int): ItemConnection! }
  type Owner { id: ID }
  type Part { id: ID }
`);

/** The cost that an operation is found to have, read from the refusal under a limit of -1. */
function costOf(query: string, variables: Record<string, unknown> = {}): number {
  const document = parse(query);
  expect(validate(schema, document)).toEqual([]);
  const operation = getOperationAST(document)!;
  const { errors } = checkOperationCost(
    { schema, document, operation, variables },
    { ...DEFAULT_LIMITS, cost: -1, pageSize: Number.MAX_SAFE_INTEGER },
  );
  return Number(/this one has (\d+)/.exec(errors[0]!.message)![1]);
}

describe('the cost of an operation', () => {
  test.each([
    ['a leaf at the root', '{ count }', 1],
    ['leaves are free', '{ item { id names } }', 1],
    ['an object in an object', '{ item { owner { id } } }', 2],
    ['a list of unknown size', '{ item { parts { id } } }', 11],
    [
      'a page: its own object, an edge and a node for each item',
      '{ items(first: 20) { edges { node { id } } } }',
      41,
    ],
    ['a page by last', '{ items(last: 5) { edges { node { id } } } }', 11],
    ['a page without a size is the default page', '{ items { edges { node { id } } } }', 101],
    ['a size by default of the schema', '{ fixed { id } }', 7],
    ['an empty page', '{ items(first: 0) { edges { node { id } } } }', 1],
    [
      'a negative page costs nothing here and is refused later',
      '{ items(first: -5) { edges { cursor } } }',
      1,
    ],
    [
      'pages in pages',
      '{ items(first: 10) { edges { node { items(first: 10) { edges { node { id } } } } } } }',
      231,
    ],
    ['the same field twice under two names', '{ a: item { id } b: item { id } }', 2],
    ['typename', '{ __typename }', 0],
    ['the schema', '{ __schema { types { name } } }', 500],
    ['one type', '{ __type(name: "Item") { name } }', 50],
  ])('%s', (_what, query, cost) => {
    expect(costOf(query)).toBe(cost);
  });

  test('reads sizes from variables, and their defaults', () => {
    const query = 'query ($n: Int = 3) { items(first: $n) { edges { cursor } } }';
    expect(costOf(query)).toBe(4);
    expect(costOf(query, { n: 8 })).toBe(9);
    expect(costOf(query, { n: null })).toBe(51);
  });

  test('counts entities by their representations, however they are given', () => {
    const below = '{ ... on Item { owner { id } } }';
    const query = `query ($r: [_Any!]!) { _entities(representations: $r) ${below} }`;
    expect(costOf(query, { r: [{}, {}, {}] })).toBe(6);
    expect(costOf(`{ _entities(representations: [{ a: 1 }, { a: 2 }]) ${below} }`)).toBe(4);
  });

  test('counts a fragment at each place that spreads it', () => {
    const fragment = 'fragment F on Item { owner { id } }';
    expect(costOf(`{ items(first: 4) { edges { node { ...F } } } item { ...F } } ${fragment}`)).toBe(
      1 + 4 * 3 + 2,
    );
  });

  test('counts a chain of doubling fragments in no time', () => {
    const chain = Array.from(
      { length: 60 },
      (_, index) => `fragment F${index} on Item { ...F${index + 1} ...F${index + 1} }`,
    ).join(' ');
    expect(costOf(`{ item { ...F0 } } ${chain} fragment F60 on Item { owner { id } }`)).toBeGreaterThan(
      2 ** 50,
    );
  });
});

describe('page sizes', () => {
  const check = (query: string, variables: Record<string, unknown> = {}) => {
    const document = parse(query);
    return checkOperationCost(
      { schema, document, operation: getOperationAST(document)!, variables },
      { ...DEFAULT_LIMITS, pageSize: 10, cost: 1_000 },
    ).errors.map(({ extensions }) => [extensions['code'], extensions['argument']]);
  };

  test('at the limit pass, above it are refused by name', () => {
    expect(check('{ items(first: 10) { total } }')).toEqual([]);
    expect(check('{ items(first: 11) { total } }')).toEqual([['LIMIT_EXCEEDED', 'first']]);
    expect(check('query ($n: Int) { items(last: $n) { total } }', { n: 11 })).toEqual([
      ['LIMIT_EXCEEDED', 'last'],
    ]);
  });

  test('inside a fragment are refused as well', () => {
    expect(check('{ item { ...F } } fragment F on Item { items(first: 11) { total } }')).toEqual([
      ['LIMIT_EXCEEDED', 'first'],
    ]);
  });
});
