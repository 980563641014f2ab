import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { Script } from 'node:vm';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CairnError } from '#domain/errors';
import { type Gateway, createGateway } from '#gateway/create-gateway';
import { type Answer, type Asked, type Served, ask, codesOf, serve } from '#test/federation/serve';
import { authenticate, twoSubgraphs } from '#test/federation/two-subgraphs';

const { subgraphs, lookUps, log } = twoSubgraphs();
let gateway: Gateway;
let served: Served;

beforeAll(async () => {
  gateway = await createGateway({
    onForbidden: ({ principal }, field) => void forbidden.push(`${principal.keyId} ${field}`),
    subgraphs,
    authenticate,
    log,
    limits: { timeoutMs: 1_000, bodyBytes: 20_000 },
  });
  served = await serve((request, response) => gateway.handle(request, response));
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await gateway.dispose();
});

const at = (asked: Asked): Promise<Answer> => ask(`${served.origin}/graphql`, asked);

const forbidden: string[] = [];

describe('a federated answer', () => {
  test('completes an entity from the subgraph that does not own it', async () => {
    const { body } = await at({
      query: '{ account(id: "000000000001") { name createdAt holding { events } } }',
    });
    expect(body).toEqual({
      data: { account: { name: 'one', createdAt: '2026-01-02T03:04:05Z', holding: { events: 1000 } } },
    });
  });

  test('looks the entities of a page up together', async () => {
    const before = lookUps.length;
    const { body } = await at({
      query: '{ accounts(first: 3) { edges { node { id holding { events } } } } }',
    });
    expect(body.data).toMatchObject({
      accounts: { edges: [{}, {}, { node: { holding: { events: 3000 } } }] },
    });
    expect(lookUps.slice(before)).toEqual([['000000000001', '000000000002', '000000000003']]);
  });

  test('tells the subgraphs who asks, and under which request id', async () => {
    const { body, headers } = await at({
      query: '{ whoami }',
      key: 'auditor',
      headers: { 'x-request-id': 'mine-1' },
    });
    expect(body.data).toEqual({ whoami: 'auditor mine-1' });
    expect(headers.get('x-request-id')).toBe('mine-1');
  });

  test('makes a request id where the given one is not fit for a log', async () => {
    const { headers } = await at({ query: '{ whoami }', headers: { 'x-request-id': 'a b"c' } });
    expect(headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  });

  test('comes from the chosen operation of a document that also holds an introspection', async () => {
    const query = 'query Data { whoami } query Schema { __schema { queryType { name } } }';
    const data = await at({ query, operationName: 'Data', headers: { 'x-request-id': 'r' } });
    const schema = await at({ query, operationName: 'Schema' });
    expect(data.body).toEqual({ data: { whoami: 'admin r' } });
    expect(schema.body).toEqual({ data: { __schema: { queryType: { name: 'Query' } } } });
  });

  test('comes as one array for a batch', async () => {
    const { body } = await at({ body: [{ query: '{ whoami }' }, { query: '{ refused }' }] });
    expect(body).toMatchObject([{ data: {} }, { errors: [{ extensions: { code: 'INVALID_FILTER' } }] }]);
  });
});

describe('the door', () => {
  test('refuses to exist without authentication', async () => {
    const opened: unknown = Reflect.apply(createGateway, undefined, [{ subgraphs, log }]);
    await expect(opened).rejects.toThrow('does not open without a way to authenticate');
  });

  test.each([
    ['a query', { query: '{ whoami }' }],
    ['an introspection', { query: getIntrospectionQuery() }],
    ['a mutation', { query: 'mutation { touch }' }],
    ['what is not even GraphQL', { body: '{' }],
  ])('lets nobody in without a valid key: %s', async (_what, asked) => {
    for (const key of [null, 'nobody']) {
      const answer = await at({ ...asked, key });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="cairn"');
      expect(answer.body).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
      expect(answer.body).not.toHaveProperty('data');
    }
  });

  test('says that it cannot tell who asks, when it cannot', async () => {
    const failing = await createGateway({
      subgraphs,
      log,
      authenticate: async () => {
        throw new CairnError('UNAVAILABLE', 'Keys cannot be read now.', { retryAfter: 2 });
      },
    });
    await using elsewhere = await serve((request, response) => failing.handle(request, response));
    const answer = await ask(`${elsewhere.origin}/graphql`, { query: '{ whoami }' });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(codesOf(answer)).toEqual(['UNAVAILABLE']);
    await failing.dispose();
  });

  test('leaves the process its own end', async () => {
    const listeners = (): number => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT');
    const before = listeners();
    const another = await createGateway({ subgraphs, authenticate, log });
    expect(listeners()).toBe(before);
    await another.dispose();
  });

  test('lets nothing but queries through GET', async () => {
    const url = `${served.origin}/graphql?query=${encodeURIComponent('mutation { touch }')}`;
    const response = await fetch(url, { headers: { authorization: 'Bearer administrator' } });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await response.json()).not.toHaveProperty('data');
  });

  test('waits for a body only so long', async () => {
    const started = httpRequest(`${served.origin}/graphql`, {
      method: 'POST',
      headers: { authorization: 'Bearer auditor', 'content-type': 'application/json', 'content-length': 99 },
    });
    started.on('error', () => undefined); // the connection is cut under the body
    started.write('{');
    const [response] = (await once(started, 'response')) as [IncomingMessage];
    expect([response.statusCode, response.headers.connection]).toEqual([408, 'close']);
    expect(JSON.parse(await text(response))).toMatchObject({
      errors: [{ extensions: { code: 'REQUEST_TIMEOUT' } }],
    });
    started.destroy();
  });

  test('refuses other methods', async () => {
    const response = await fetch(`${served.origin}/graphql`, {
      method: 'PUT',
      headers: { authorization: 'Bearer auditor' },
    });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, POST']);
  });
});

describe('roles', () => {
  test.each(['{ whoami }', '{ account(id: "000000000001") { name } }', '{ accounts { edges { cursor } } }'])(
    'an ingest key reads nothing: %s',
    async (query) => {
      const answer = await at({ query, key: 'ingest' });
      expect(codesOf(answer)).toEqual(['FORBIDDEN']);
      expect(answer.body.data ?? null).toBeNull();
    },
  );

  test('an ingest key may see the schema and change', async () => {
    expect((await at({ query: '{ __typename }', key: 'ingest' })).body).toEqual({
      data: { __typename: 'Query' },
    });
    expect((await at({ query: 'mutation { touch }', key: 'ingest' })).body).toEqual({
      data: { touch: true },
    });
  });

  test('an auditor key changes nothing', async () => {
    forbidden.length = 0;
    expect(codesOf(await at({ query: 'mutation { touch }', key: 'auditor' }))).toEqual(['FORBIDDEN']);
    expect(forbidden).toEqual([expect.stringMatching(/ touch$/)]);
  });

  test("another's account is not found, word for word like one that does not exist", async () => {
    const query = 'query ($id: AccountId!) { account(id: $id) { name } }';
    const foreign = await at({ query, variables: { id: '000000000002' }, key: 'narrow' });
    const missing = await at({ query, variables: { id: '000000000009' } });
    expect(codesOf(foreign)).toEqual(['NOT_FOUND']);
    expect(foreign.body.errors?.[0]?.message.replace('2.', '9.')).toBe(missing.body.errors?.[0]?.message);
  });
});

describe('errors', () => {
  test('expected ones carry code, argument and request id', async () => {
    const { body } = await at({ query: '{ refused }', headers: { 'x-request-id': 'r-7' } });
    expect(body).toEqual({
      data: { refused: null },
      errors: [
        {
          message: 'No such field.',
          path: ['refused'],
          extensions: { code: 'INVALID_FILTER', argument: 'filter.and[1]', requestId: 'r-7' },
        },
      ],
    });
  });

  test('unexpected ones are masked, and logged under the reference that is shown', async () => {
    const answer = await at({ query: '{ broken }', headers: { 'x-request-id': 'r-8' } });
    const [error] = answer.body.errors ?? [];
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
    expect(error?.extensions).toMatchObject({ code: 'INTERNAL', requestId: 'r-8' });
    const line = log.lines.find(
      ({ attributes }) => attributes['reference'] === error?.extensions['reference'],
    );
    expect(line?.attributes).toMatchObject({ requestId: 'r-8', path: 'broken' });
    expect(String(line?.attributes['err'])).toContain('hunter2');
  });

  test.each([
    ['{ whoam }', 'GRAPHQL_VALIDATION_FAILED'],
    ['{ account(idd: "000000000001") { name } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['query ($id: AccountI!) { account(id: $id) { name } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['{', 'GRAPHQL_PARSE_FAILED'],
    ['query ($id: AccountId!) { account(id: $id) { name } }', 'INVALID_ARGUMENT'],
    ['{ account(id: "12") { name } }', 'INVALID_ARGUMENT'],
  ])('faults of the caller have a code and no suggestions: %s', async (query, code) => {
    const answer = await at({ query });
    expect(codesOf(answer)).toContain(code);
    expect(JSON.stringify(answer.body)).not.toContain('Did you mean');
  });

  test.each([
    '{ whoami __schema { queryType { name } } }',
    '{ ...S } fragment S on Query { __schema { queryType { name } } }',
  ])('the schema is asked for alone, or refused rather than answered with nulls: %s', async (query) => {
    expect(codesOf(await at({ query }))).toEqual(['INVALID_ARGUMENT']);
  });
});

describe('limits', () => {
  const nested = (depth: number): string =>
    '{ __schema { types { '.concat('ofType { '.repeat(depth), 'name ', '} '.repeat(depth + 3));

  test.each([
    ['depth', nested(13)],
    ['aliases', `{ ${Array.from({ length: 31 }, (_, index) => `a${index}: whoami`).join(' ')} }`],
    ['directives', `{ whoami ${'@include(if: true) '.repeat(31)} }`],
    [
      'cost',
      '{ accounts(first: 500) { edges { node { holding { events } } } } a: accounts(first: 500) { edges { node { holding { events } } } } '.concat(
        ...Array.from(
          { length: 6 },
          (_, i) => `b${i}: accounts(first: 500) { edges { node { holding { events } } } } `,
        ),
        '}',
      ),
    ],
    ['first', '{ accounts(first: 501) { edges { cursor } } }'],
    ['last', 'query ($size: Int = 501) { accounts(last: $size) { edges { cursor } } }'],
  ])('%s', async (name, query) => {
    const answer = await at({ query, headers: { accept: 'application/graphql-response+json' } });
    expect(codesOf(answer)).toEqual(['LIMIT_EXCEEDED']);
    expect(answer.body.errors?.[0]?.message).toContain(name);
    expect(answer.status).toBe(400);
  });

  test('tokens', async () => {
    const { body } = await at({ query: `{ ${'whoami '.repeat(2_001)} }` });
    expect(body.errors?.[0]?.message).toContain('Document contains more that 2000 tokens');
  });

  test.each([34, 5_000])('variables nested %i deep are refused before they are read', async (depth) => {
    const query = 'query ($id: AccountId!) { account(id: $id) { id } }';
    const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const body = `{"query":${JSON.stringify(query)},"variables":{"id":${deep}}}`;
    const answer = await at({ body });
    expect(codesOf(answer)).toEqual(['LIMIT_EXCEEDED']);
    expect(answer.body.errors?.[0]?.message).toContain('variables nested');
  });

  test('fragments that would unfold without end cost no time', async () => {
    const chain = Array.from(
      { length: 40 },
      (_, index) => `fragment F${index} on Account { x${index}: name ...F${index + 1} ...F${index + 1} }`,
    );
    const query = `{ accounts { edges { node { ...F0 } } } } ${chain.join(' ')} fragment F40 on Account { id }`;
    expect(codesOf(await at({ query }))).toEqual(['LIMIT_EXCEEDED']);
  });

  test('the body', async () => {
    const answer = await at({ query: `{ whoami } # ${'x'.repeat(20_000)}` });
    expect([answer.status, ...codesOf(answer)]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  test('operations in a batch', async () => {
    const answer = await at({ body: Array.from({ length: 11 }, () => ({ query: '{ whoami }' })) });
    expect(answer.status).toBe(413);
    expect(codesOf(answer)).toEqual(['INVALID_ARGUMENT']);
    expect(answer.body.errors?.[0]?.message).toMatch(/batch/i);
  });

  test('time: the caller gets an answer, the resolver an abort', async () => {
    const answer = await at({
      query: '{ endless }',
      headers: { accept: 'application/graphql-response+json' },
    });
    expect([answer.status, ...codesOf(answer)]).toEqual([504, 'TIMEOUT']);
  });

  test('the usual introspection passes all of them', async () => {
    const { body } = await at({
      query: getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true }),
    });
    expect(body.errors).toBeUndefined();
    expect(JSON.stringify(body.data)).not.toMatch(/_entities|_Any|join__/);
  });
});

describe('GraphiQL', () => {
  const html = { accept: 'text/html' };

  test('is shown to a browser on this machine, loads nothing from elsewhere', async () => {
    const response = await fetch(`${served.origin}/graphql`, { headers: html });
    const page = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-security-policy')).toContain("connect-src 'self'");
    const start = page.indexOf('<script>');
    const head = page.slice(0, start);
    const rest = page.slice(start + '<script>'.length);
    const script = rest.slice(0, rest.lastIndexOf('</script>'));
    expect(() => new Script(script)).not.toThrow();
    const hash = createHash('sha256').update(script).digest('base64');
    expect(response.headers.get('content-security-policy')).toContain(`script-src 'sha256-${hash}'`);
    expect(head.match(/(src|href)="(?!data:)|@import|url\((?!"?data:)/g)).toBeNull();
  });

  test('is not shown under a name that was rebound to this machine', async () => {
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      request(`${served.origin}/graphql`, { headers: { ...html, host: 'evil.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(401);
  });
});
