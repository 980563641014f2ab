import { randomBytes } from 'node:crypto';
import { printSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeSupergraph } from '#gateway/compose';
import { type Gateway, createGateway } from '#gateway/create-gateway';
import { remoteSubgraph } from '#gateway/remote-subgraph';
import { Upstream } from '#platform/http/upstream';
import { type InternalKeys, signRequest } from '#platform/internal/request-signature';
import { type InternalDoor, createInternalDoor } from '#subgraphs/shared/internal-door';
import { type SubgraphDoor, createSubgraphDoor } from '#subgraphs/shared/subgraph-door';
import { walkRoles } from '#test/federation/role-walk';
import { type Served, ask, codesOf, serve } from '#test/federation/serve';
import { PRINCIPALS, RecordingLog, authenticate, twoSubgraphs } from '#test/federation/two-subgraphs';

/** A gateway that speaks HTTP to its subgraphs, each on a server of its own with a public and an internal door. */
const KEYS: InternalKeys = [randomBytes(32)];
const LIMITS = { bodyBytes: 1024 * 1024, timeoutMs: 1_000 };
const { subgraphs, log } = twoSubgraphs();
const gatewayLog = new RecordingLog();
const upstreams: Upstream[] = [];
let doors: { readonly open: SubgraphDoor; readonly internal: InternalDoor; readonly served: Served }[];
let gateway: Gateway;
let served: Served;

beforeAll(async () => {
  doors = await Promise.all(
    subgraphs.map(async (subgraph) => {
      const open = await createSubgraphDoor({ subgraph, authenticate, log, limits: LIMITS });
      const internal = createInternalDoor({ subgraph, keys: KEYS, log, limits: LIMITS });
      const all = [open, internal];
      const missing = { path: '', handle: async () => Promise.reject(new Error('nothing is there')) };
      return {
        open,
        internal,
        served: await serve((request, response) => {
          if (request.url === '/healthz') return Promise.resolve(void response.end());
          return (all.find(({ path }) => path === request.url) ?? missing).handle(request, response);
        }),
      };
    }),
  );
  gateway = await gatewayWith(KEYS);
  served = await serve((request, response) => gateway.handle(request, response));
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await gateway.dispose();
  for (const upstream of upstreams) await upstream.close();
  for (const door of doors) {
    await door.served[Symbol.asyncDispose]();
    await door.open.dispose();
  }
});

/** With these keys; `origins` instead of the doors' own, by subgraph. */
async function gatewayWith(keys: InternalKeys, origins: Record<string, string[]> = {}): Promise<Gateway> {
  const remote = subgraphs.map(({ name, sdl }, index) => {
    const upstream = new Upstream({
      name,
      origins: origins[name] ?? [doors[index]!.served.origin],
      log: { info: () => undefined, warn: () => undefined },
    });
    upstreams.push(upstream);
    const telemetry = { inject: () => ({ traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }) };
    return remoteSubgraph({ name, sdl, upstream, keys, log: gatewayLog, telemetry, timeoutMs: 5_000 });
  });
  return createGateway({ subgraphs: remote, authenticate, log: gatewayLog, limits: LIMITS });
}

const at = (origin: string, query: string, key = 'administrator') =>
  ask(`${origin}/graphql`, { query, key, headers: { 'x-request-id': 'asked-here' } });

test('a join over two processes, as the caller that the gateway knows', async () => {
  const { body } = await at(
    served.origin,
    '{ whoami account(id: "000000000002") { name holding { events } } }',
  );
  expect(body).toEqual({
    data: { whoami: 'admin asked-here', account: { name: 'two', holding: { events: 2_000 } } },
  });
});

test('every field and every entity, with every role and a foreign account', async () => {
  const { findings, asked } = await walkRoles({
    gateway: { url: `${served.origin}/graphql`, sdl: composeSupergraph(subgraphs).api },
    doors: doors.map((door, index) => ({
      url: `${door.served.origin}${door.open.path}`,
      sdl: printSchema(subgraphs[index]!.schema),
    })),
    keys: { administrator: 'administrator', auditor: 'auditor', ingest: 'ingest', foreign: 'narrow' },
    owned: { id: '000000000002', first: 3 },
    missing: { id: '000000000009', first: 3 },
    entity: () => ({ owned: '000000000002', missing: '000000000009' }),
    secrets: ['000000000002', 'two'],
    ingestMutations: ['touch'],
  });
  expect(asked).toBeGreaterThan(70);
  // What the fixture has on purpose, as in role-walk.test.ts.
  const known = /\b(broken|refused|endless|nowhere)\b/;
  expect(findings.filter((finding) => !known.test(finding))).toEqual([]);
});

test('errors come through as the subgraph has presented them', async () => {
  const expected = await at(served.origin, '{ refused }');
  expect(expected.body.errors).toMatchObject([
    { message: 'No such field.', path: ['refused'], extensions: { code: 'INVALID_FILTER' } },
  ]);
  const unexpected = await at(served.origin, '{ broken }');
  expect(JSON.stringify(unexpected.body)).not.toContain('hunter2');
  const [error] = unexpected.body.errors ?? [];
  expect(error?.extensions['code']).toBe('INTERNAL');
  const reference = String(error?.extensions['reference']);
  expect(log.lines.map(({ attributes }) => attributes['reference'])).toContain(reference);
});

test('an operation that takes too long is ended here and there', async () => {
  expect(codesOf(await at(served.origin, '{ endless }'))).toEqual(['TIMEOUT']);
});

describe('a subgraph whose processes do not answer', () => {
  const dead = 'http://127.0.0.1:1';
  let partly: Gateway;
  let place: Served;

  beforeAll(async () => {
    partly = await gatewayWith(KEYS, { counts: [dead] });
    place = await serve((request, response) => partly.handle(request, response));
  });
  afterAll(async () => {
    await place[Symbol.asyncDispose]();
    await partly.dispose();
  });

  test('takes nothing else with it, and its fields say to try again', async () => {
    const { body } = await at(place.origin, '{ account(id: "000000000002") { name holding { events } } }');
    expect(body.data).toEqual({ account: { name: 'two', holding: null } });
    expect(body.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE', retryAfter: 1 } }]);
  });

  test('is no matter when another one of its processes answers, for mutations neither', async () => {
    const other = await gatewayWith(KEYS, { people: [dead, doors[0]!.served.origin] });
    const there = await serve((request, response) => other.handle(request, response));
    for (let i = 0; i < 4; i++) {
      expect((await at(there.origin, '{ whoami }')).body.errors).toBeUndefined();
      expect((await at(there.origin, 'mutation { touch }')).body.data).toEqual({ touch: true });
    }
    await there[Symbol.asyncDispose]();
    await other.dispose();
  });
});

test('a gateway with another key is not believed, and told so in its log', async () => {
  const stranger = await gatewayWith([randomBytes(32)]);
  const place = await serve((request, response) => stranger.handle(request, response));
  expect(codesOf(await at(place.origin, '{ whoami }'))).toEqual(['UNAVAILABLE']);
  expect(gatewayLog.lines.at(-1)?.message).toContain('does not believe this gateway');
  await place[Symbol.asyncDispose]();
  await stranger.dispose();
});

describe('the internal door', () => {
  const path = '/internal/people';
  const caller = { principal: PRINCIPALS.narrow, requestId: 'r-1' };
  const bodyOf = (content: object): Buffer => Buffer.from(JSON.stringify(content));
  const body = bodyOf({ caller, query: '{ whoami }' });

  async function post(content: Buffer, headers: Record<string, string>): Promise<[number, unknown]> {
    const response = await fetch(`${doors[0]!.served.origin}${path}`, {
      method: 'POST',
      headers,
      body: new Uint8Array(content),
    });
    return [response.status, await response.json()];
  }

  function signed(content = body, keys = KEYS, now?: number): Record<string, string> {
    const { host } = new URL(doors[0]!.served.origin);
    return signRequest(keys, { method: 'POST', host, path, body: content }, now);
  }

  test('believes whom the signature names', async () => {
    expect(await post(body, signed())).toEqual([200, { data: { whoami: 'narrow r-1' } }]);
  });

  test('takes no API key, whoever has it', async () => {
    const [status] = await post(body, { authorization: 'Bearer administrator' });
    expect(status).toBe(401);
  });

  test('believes no forged, altered, replayed or stale request', async () => {
    const administrator = bodyOf({
      caller: { ...caller, principal: PRINCIPALS.administrator },
      query: '{ whoami }',
    });
    const once = signed();
    expect((await post(body, once))[0]).toBe(200);
    const refused = [
      await post(body, once),
      await post(administrator, signed()),
      await post(body, signed(body, [randomBytes(32)])),
      await post(body, signed(body, KEYS, Date.now() - 120_000)),
    ];
    for (const [status, answer] of refused) {
      expect(status).toBe(401);
      expect(answer).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    }
    // Anybody can make it refuse: each reason is told once a minute.
    for (let i = 0; i < 3; i++) await post(body, once);
    const reasons = log.lines
      .filter(({ attributes }) => attributes['path'] === path)
      .map(({ attributes }) => attributes['reason']);
    for (const reason of ['replayed', 'altered', 'forged', 'stale'])
      expect(reasons.filter((one) => one === reason)).toEqual([reason]);
  });

  test('checks roles and accounts again', async () => {
    const others = bodyOf({ caller, query: '{ account(id: "000000000002") { name } }' });
    expect(await post(others, signed(others))).toMatchObject([
      200,
      { errors: [{ extensions: { code: 'NOT_FOUND' } }] },
    ]);
    const writes = bodyOf({ caller, query: 'mutation { touch }' });
    expect(await post(writes, signed(writes))).toMatchObject([
      200,
      { errors: [{ extensions: { code: 'FORBIDDEN' } }] },
    ]);
  });

  test('says what it does not know instead of leaving it out', async () => {
    const unknown = bodyOf({ caller, query: '{ whoami whoareyou }' });
    const [, answer] = await post(unknown, signed(unknown));
    expect(answer).toMatchObject({ errors: [{ message: expect.stringContaining('whoareyou') }] });
  });
});

test('the gateway and the public doors do not look at internal headers', async () => {
  const headers = { 'x-cairn-signature': 'v=1;t=0;n=;s=', 'content-digest': 'sha-256=::' };
  for (const url of [`${served.origin}/graphql`, `${doors[0]!.served.origin}${doors[0]!.open.path}`]) {
    expect((await ask(url, { query: '{ whoami }', key: null, headers })).status).toBe(401);
    const answer = await ask(url, { query: '{ whoami }', key: 'narrow', headers });
    expect(String(answer.body.data?.['whoami'])).toContain('narrow ');
  }
});
