import { getIntrospectionQuery, getOperationAST, parse } from 'graphql';
import { expect, test } from 'vitest';
import { isIntrospection, mixesIntrospection } from '#platform/graphql/introspection';

test.each([
  [getIntrospectionQuery(), 'schema'],
  ['{ __typename }', 'schema'],
  ['{ __typename __type(name: "T") { name } }', 'schema'],
  ['{ a }', 'data'],
  ['{ __typename a }', 'data'],
  ['{ ...F } fragment F on Query { a }', 'data'],
  ['{ a __schema { types { name } } }', 'mixed'],
  ['{ __schema { types { name } } a }', 'mixed'],
  ['{ ...F a } fragment F on Query { __type(name: "T") { name } }', 'mixed'],
  ['{ ... { __schema { types { name } } } }', 'mixed'],
  ['{ ...F } fragment F on Query { ...F }', 'schema'],
])('%s', (query, kind) => {
  const document = parse(query);
  const operation = getOperationAST(document)!;
  const mixed = mixesIntrospection(document, operation);
  expect(mixed ? 'mixed' : isIntrospection(document, operation) ? 'schema' : 'data').toBe(kind);
});
