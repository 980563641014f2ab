import { buildSubgraphSchema } from '@apollo/subgraph';
import {
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  type GraphQLTypeResolver,
  buildSchema,
  execute,
  getNamedType,
  isAbstractType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  parse,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeSupergraph } from '#gateway/compose';
import { type Gateway, createGateway } from '#gateway/create-gateway';
import type { GatewaySubgraph } from '#gateway/subgraph';
import { subgraphSdls } from '#test/federation/definitions';
import { rootOperations } from '#test/federation/operations';
import { type Served, ask, serve } from '#test/federation/serve';
import { RecordingLog, authenticate } from '#test/federation/two-subgraphs';

/** The product's own schema over rooms that answer anything: what the planner cannot do shows here. */
const sdls = subgraphSdls();
const log = new RecordingLog();
const calls: string[] = [];
let gateway: Gateway;
let served: Served;

beforeAll(async () => {
  gateway = await createGateway({ subgraphs: sdls.map(answersAnything), authenticate, log });
  served = await serve((request, response) => gateway.handle(request, response));
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await gateway.dispose();
});

function answersAnything({ name, sdl }: { name: string; sdl: string }): GatewaySubgraph {
  const schema = buildSubgraphSchema(parse(sdl));
  return {
    name,
    sdl,
    async execute({ document, variables }) {
      calls.push(name);
      const variableValues = variables;
      return execute({ schema, document, variableValues, fieldResolver: anything, typeResolver: anyType });
    },
  };
}

const anything: GraphQLFieldResolver<unknown, unknown> = (
  source,
  _args,
  _context,
  { fieldName, returnType },
) => {
  const known = (source as Record<string, unknown> | null | undefined)?.[fieldName];
  return known ?? sampleOf(returnType);
};

const anyType: GraphQLTypeResolver<unknown, unknown> = (value, _context, { schema }, type) =>
  (value as { __typename?: string }).__typename ?? schema.getPossibleTypes(type)[0]?.name;

function sampleOf(type: GraphQLOutputType): unknown {
  if (isNonNullType(type)) return sampleOf(type.ofType);
  if (isListType(type)) return [sampleOf(type.ofType), sampleOf(type.ofType)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (!isLeafType(type) || isAbstractType(type)) return {};
  const samples: Record<string, unknown> = {
    Boolean: true,
    Int: 1,
    Float: 1,
    Long: 1,
    AccountId: '000000000001',
  };
  return samples[getNamedType(type).name] ?? 'text';
}

const api = buildSchema(composeSupergraph(sdls).api);

describe('every root field, with all that lies below it', () => {
  const operations = ['query', 'mutation'] as const;
  const all = operations.flatMap((kind) =>
    rootOperations(api, kind, { first: 2, AccountId: '000000000001' }),
  );

  test.each(all.map((operation) => [operation.name, operation] as const))('%s', async (_name, operation) => {
    const answer = await ask(`${served.origin}/graphql`, operation);
    expect(answer.body.errors).toBeUndefined();
    expect(Object.values(answer.body.data ?? {})).not.toContain(null);
  });

  test('there are some', () => {
    expect(all.length).toBeGreaterThan(15);
  });
});

test('an account is put together from every room that knows of it', async () => {
  calls.length = 0;
  const query = `{
    events(first: 2) { edges { node { eventName account {
      name latestCheckpoint { __typename } storage { __typename } eventRate(interval: HOUR) { __typename }
    } } } }
  }`;
  const answer = await ask(`${served.origin}/graphql`, { query });
  expect(answer.body.errors).toBeUndefined();
  expect(calls.toSorted()).toEqual(['events', 'insights', 'lake', 'organization', 'trails']);
});
