import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildSubgraph } from '#subgraphs/shared/build-subgraph';
import { type SubgraphDoor, createSubgraphDoor } from '#subgraphs/shared/subgraph-door';
import { type Answer, type Asked, type Served, ask, codesOf, serve } from '#test/federation/serve';
import { authenticate, peopleDefinition, twoSubgraphs } from '#test/federation/two-subgraphs';

const { subgraphs, log } = twoSubgraphs();
let people: SubgraphDoor;
let counts: SubgraphDoor;
let served: Served;

beforeAll(async () => {
  const limits = { timeoutMs: 200 };
  people = await createSubgraphDoor({ subgraph: subgraphs[0], authenticate, log, limits });
  counts = await createSubgraphDoor({ subgraph: subgraphs[1], authenticate, log, limits });
  served = await serve((request, response) =>
    (request.url === people.path ? people : counts).handle(request, response),
  );
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await people.dispose();
  await counts.dispose();
});

const at = (door: SubgraphDoor, asked: Asked): Promise<Answer> => ask(`${served.origin}${door.path}`, asked);

const ENTITIES = `query ($representations: [_Any!]!) {
  _entities(representations: $representations) { ... on Account { id holding { events } } }
}`;
const reference = (id: unknown): object => ({ __typename: 'Account', id });

test('each subgraph has its own path', () => {
  expect([people.path, counts.path]).toEqual(['/subgraphs/people/graphql', '/subgraphs/counts/graphql']);
});

test('the SDL that is served is the SDL that is committed', async () => {
  const { body } = await at(people, { query: '{ _service { sdl } }' });
  expect(body.data).toEqual({
    _service: { sdl: expect.stringContaining('type Account @key(fields: "id")') },
  });
  expect(subgraphs[0].sdl).toContain('type Account @key(fields: "id")');
});

test('no entity is left to whoever claims to know it', () => {
  const careless = { ...peopleDefinition, references: {} };
  const build = (): unknown => buildSubgraph(careless, { services: { names: new Map() }, log });
  expect(build).toThrow('anyone may claim to know Account');
});

describe('who may ask', () => {
  test('nobody without a key, not even for the schema', async () => {
    for (const query of ['{ whoami }', '{ __schema { queryType { name } } }', '{ _service { sdl } }']) {
      const answer = await at(people, { query, key: null });
      expect([answer.status, ...codesOf(answer)]).toEqual([401, 'UNAUTHENTICATED']);
    }
  });

  test('an ingest key reads neither fields nor entities', async () => {
    expect(codesOf(await at(people, { query: '{ whoami }', key: 'ingest' }))).toEqual(['FORBIDDEN']);
    const variables = { representations: [reference('000000000001')] };
    const entities = await at(counts, { query: ENTITIES, variables, key: 'ingest' });
    expect(codesOf(entities)).toEqual(['FORBIDDEN']);
    expect(JSON.stringify(entities.body.data)).not.toContain('1000');
  });

  test('an auditor key changes nothing', async () => {
    expect(codesOf(await at(people, { query: 'mutation { touch }', key: 'auditor' }))).toEqual(['FORBIDDEN']);
  });

  test("another's entity is not there", async () => {
    const variables = { representations: [reference('000000000001'), reference('000000000002')] };
    const { body } = await at(counts, { query: ENTITIES, variables, key: 'narrow' });
    expect(body).toEqual({ data: { _entities: [{ id: '000000000001', holding: { events: 1000 } }, null] } });
  });

  test.each(['Query', 'Nothing', '__proto__', 'toString'])('%s is no entity', async (name) => {
    const variables = { representations: [{ __typename: name, id: '000000000001' }] };
    expect(codesOf(await at(counts, { query: ENTITIES, variables }))).toEqual(['INVALID_ARGUMENT']);
  });

  test.each([[null], ['Account'], [{ id: '000000000001' }], [[]]])('nor is %j', async (representation) => {
    const variables = { representations: [representation] };
    expect(codesOf(await at(counts, { query: ENTITIES, variables }))).toEqual(['INVALID_ARGUMENT']);
  });

  test('a reference is no place for anything but an id', async () => {
    const variables = { representations: [reference({ $ne: '' })] };
    expect(codesOf(await at(counts, { query: ENTITIES, variables }))).toEqual(['INVALID_ARGUMENT']);
  });
});

describe('errors', () => {
  test('are coded like those of the gateway', async () => {
    const { body } = await at(people, { query: '{ refused }', headers: { 'x-request-id': 'r-1' } });
    expect(body.errors).toMatchObject([
      {
        message: 'No such field.',
        extensions: { code: 'INVALID_FILTER', argument: 'filter.and[1]', requestId: 'r-1' },
      },
    ]);
  });

  test('are masked where nobody expected them', async () => {
    const answer = await at(people, { query: '{ broken }', headers: { 'x-request-id': 'r-2' } });
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
    expect(answer.body.errors).toMatchObject([{ extensions: { code: 'INTERNAL', requestId: 'r-2' } }]);
    const reference = answer.body.errors?.[0]?.extensions['reference'];
    expect(log.lines.find(({ attributes }) => attributes['reference'] === reference)).toBeDefined();
  });

  test('suggest no names', async () => {
    const { body } = await at(people, { query: '{ whoam }' });
    expect(JSON.stringify(body)).not.toContain('Did you mean');
    expect(body.errors).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }]);
  });

  test('name a variable of a wrong type as the gateway does', async () => {
    const query = 'query ($n: Int) { accounts(first: $n) { edges { cursor } } }';
    const answer = await at(people, { query, variables: { n: 'many' } });
    expect([answer.status, ...codesOf(answer)]).toEqual([400, 'INVALID_ARGUMENT']);
  });

  test('tell when a body is no JSON', async () => {
    const answer = await at(people, { body: '{' });
    expect([answer.status, ...codesOf(answer)]).toEqual([400, 'INVALID_JSON']);
  });
});

describe('limits', () => {
  test.each([
    ['depth', `{ __schema { types { ${'ofType { '.repeat(13)} name ${'} '.repeat(13)} } } }`],
    ['first', '{ accounts(first: 501) { edges { cursor } } }'],
  ])('%s', async (name, query) => {
    const answer = await at(people, { query });
    expect(codesOf(answer)).toEqual(['LIMIT_EXCEEDED']);
    expect(answer.body.errors?.[0]?.message).toContain(name);
  });

  test('entities are counted by their representations', async () => {
    const variables = { representations: Array.from({ length: 5_001 }, () => reference('000000000001')) };
    expect(codesOf(await at(counts, { query: ENTITIES, variables }))).toEqual(['LIMIT_EXCEEDED']);
  });

  test.each([34, 50_000])('variables nested %i deep are refused before they are read', async (depth) => {
    const body = `{"query":"query ($v: [_Any!]!) { _entities(representations: $v) { __typename } }",
      "variables":{"v":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
    const answer = await at(people, { body });
    expect([answer.status, ...codesOf(answer)]).toEqual([400, 'LIMIT_EXCEEDED']);
  });

  test('one operation at a time', async () => {
    expect((await at(people, { body: [{ query: '{ whoami }' }] })).status).toBe(400);
  });

  test('time', async () => {
    const answer = await at(people, { query: '{ endless }' });
    expect([answer.status, ...codesOf(answer)]).toEqual([504, 'TIMEOUT']);
  });

  test('a form of another site gets nothing, even with a key', async () => {
    const answer = await at(people, { query: '{ whoami }', headers: { 'content-type': 'text/plain' } });
    expect(answer.status).toBe(400);
    expect(answer.body.data).toBeUndefined();
  });
});
