import type { GraphQLSchema } from 'graphql';
import type { Hostile } from '#test/fuzz/hostile';
import { HostileDocuments, type HostileOperation, monstrousDocument } from '#test/fuzz/hostile-documents';
import { hostileBody, hostileEvent } from '#test/fuzz/hostile-events';
import { hostileFilter } from '#test/fuzz/hostile-filters';
import { type Answer, type Sent, send, sendMessages, sendRaw } from '#test/fuzz/sent';

/** What an attack may use: keys of one account, the schema, and ids of its own and of others. */
export interface Armoury {
  readonly url: string;
  readonly account: string;
  readonly keys: readonly [string, ...string[]];
  readonly schema: GraphQLSchema;
  readonly ids: string[];
  /** Texts of events that were acknowledged. */
  readonly acknowledged: Set<string>;
}

export type Attack = (armoury: Armoury, hostile: Hostile) => Promise<Answer>;

/** None that destroys what is looked for afterwards. */
const MUTATIONS = ['createStreamTicket', 'startExport', 'cancelExport', 'deleteExport', 'revokeApiKey'];
const GRAPHQL_PATHS = [
  '/graphql',
  '/graphql',
  '/subgraphs/events/graphql',
  '/subgraphs/organization/graphql',
  '/subgraphs/trails/graphql',
  '/subgraphs/lake/graphql',
  '/subgraphs/insights/graphql',
] as const;
const PATHS = [
  ...GRAPHQL_PATHS,
  '/v1/events',
  '/v1/exports/x/file',
  '/healthz',
  '/readyz',
  '/internal/events',
  '/',
  '//',
  '/%00',
  '/../../etc/passwd',
  '/v1/events/%2e%2e/x',
  '/graphql?query={__typename}&variables={',
  '/graphql?query=%ff%fe',
  '/v1/events?account=%27--&import=%00&refusals=1e9',
] as const;

/** By name; each is as likely as the number before it says. */
export const ATTACKS: Readonly<Record<string, readonly [number, Attack]>> = {
  query: [22, async (armoury, hostile) => ask(armoury, hostile, documents(armoury, hostile).operation())],
  filter: [16, filter],
  cursor: [6, cursor],
  monster: [6, async (armoury, hostile) => ask(armoury, hostile, { query: monstrousDocument(hostile) })],
  mutation: [
    3,
    async (armoury, hostile) => ask(armoury, hostile, documents(armoury, hostile).operation(MUTATIONS)),
  ],
  alert: [4, alert],
  record: [10, record],
  bulk: [16, bulk],
  batch: [4, batch],
  body: [5, body],
  request: [5, request],
  raw: [3, raw],
  events: [2, events],
  websocket: [2, websocket],
};

function documents({ schema, ids }: Armoury, hostile: Hostile): HostileDocuments {
  return new HostileDocuments(schema, hostile, ids);
}

function keyOf({ keys }: Armoury, { random }: Hostile): string {
  return random.chance(0.9) ? keys[0] : random.pick(keys);
}

function jsonHeaders(armoury: Armoury, hostile: Hostile): Record<string, string> {
  return { authorization: `Bearer ${keyOf(armoury, hostile)}`, 'content-type': 'application/json' };
}

async function ask(armoury: Armoury, hostile: Hostile, operation: HostileOperation): Promise<Answer> {
  const { random } = hostile;
  const headers = jsonHeaders(armoury, hostile);
  const path = random.chance(0.7) ? '/graphql' : random.pick(GRAPHQL_PATHS);
  const answer = await send(armoury.url, { method: 'POST', path, headers, body: JSON.stringify(operation) });
  gather(armoury, answer);
  return answer;
}

/** Ids and cursors that were answered are worth another try, elsewhere. */
function gather({ ids }: Armoury, { text }: Answer): void {
  if (ids.length > 200) return;
  for (const [, id] of text.matchAll(/"(?:id|cursor|endCursor|nextToken)":"([^"]{8,200})"/g)) {
    if (id !== undefined && !ids.includes(id)) ids.push(id);
  }
}

async function filter(armoury: Armoury, hostile: Hostile): Promise<Answer> {
  const variables = {
    filter: hostileFilter(hostile),
    order: hostile.random.pick(['NEWEST_FIRST', 'OLDEST_FIRST']),
  };
  const query = hostile.random.pick([
    'query ($filter: EventFilterInput) { events(filter: $filter, first: 5) { edges { cursor node { id eventId raw resources { name } } } } }',
    'query ($filter: EventFilterInput) { eventCounts(filter: $filter, groupBy: eventName, top: 3) { total groups { value count } } }',
    'query ($filter: EventFilterInput) { events(filter: $filter, last: 3) { edges { node { requestParameters userIdentity { type } } } } }',
  ]);
  return ask(armoury, hostile, { query, variables });
}

async function cursor(armoury: Armoury, hostile: Hostile): Promise<Answer> {
  const { random } = hostile;
  const known = armoury.ids[random.below(Math.max(1, armoury.ids.length))];
  const one =
    random.chance(0.5) || known === undefined ? hostile.text() : `${known}${random.pick(['', 'A', '='])}`;
  return ask(
    armoury,
    hostile,
    random.pick<HostileOperation>([
      {
        query: 'query ($one: String) { events(after: $one, first: 2) { edges { node { id raw } } } }',
        variables: { one },
      },
      {
        query: 'query ($one: String) { events(before: $one, last: 2) { edges { node { id raw } } } }',
        variables: { one },
      },
      { query: 'query ($one: ID!) { event(id: $one) { id raw } }', variables: { one } },
      { query: 'query ($one: ID!) { export(id: $one) { id state } }', variables: { one } },
      { query: 'query ($one: ID!) { job(id: $one) { id } }', variables: { one } },
      {
        query: 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Event { raw } } }',
        variables: { r: [{ __typename: random.pick(['Event', 'Account', '__proto__']), id: one }] },
      },
    ]),
  );
}

async function alert(armoury: Armoury, hostile: Hostile): Promise<Answer> {
  const { random } = hostile;
  const input = {
    // Few names: alerts are put over one another, and what they raise is looked at again.
    name: random.chance(0.7) ? random.pick(['a', 'b', 'c']) : hostile.text(),
    description: random.chance(0.3) ? hostile.text() : undefined,
    filter: random.chance(0.2) ? null : hostileFilter(hostile),
    throttle: random.pick([undefined, 0, 1, 86_400, -1, 2 ** 31]),
    webhook: random.chance(0.3) ? { url: hostileUrl(hostile) } : undefined,
  };
  return ask(
    armoury,
    hostile,
    random.pick<HostileOperation>([
      {
        query:
          'mutation ($input: PutAlertInput!) { putAlert(input: $input) { alert { id name filter description } } }',
        variables: { input },
      },
      {
        query:
          '{ alerts(first: 5) { edges { node { id name filter webhook { url } } } } alertMatches(first: 5) { edges { cursor node { event { raw } } } } }',
      },
    ]),
  );
}

/** Addresses, no names: a test asks no resolver. */
function hostileUrl(hostile: Hostile): string {
  const { random } = hostile;
  return random.pick([
    hostile.text(),
    `https://127.0.0.1:${hostile.text()}/`,
    'https://127.0.0.1/',
    'https://[::ffff:169.254.169.254]/latest/meta-data',
    'https://2130706433/',
    'https://user:password@127.0.0.1/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:70/_',
    `https://127.0.0.1/${hostile.text()}`,
  ]);
}

const RECORD = `mutation ($input: RecordEventsInput!) {
  recordEvents(input: $input) { recorded results { result code path message } } }`;

async function record(armoury: Armoury, hostile: Hostile): Promise<Answer> {
  const { random } = hostile;
  const texts = Array.from({ length: 1 + random.below(8) }, () => hostileEvent(hostile, armoury.account));
  const entries = texts.map((eventData) => ({
    eventData,
    ...(random.chance(0.1) ? { entryId: hostile.text() } : {}),
    ...(random.chance(0.1) ? { eventDataChecksum: hostile.text() } : {}),
  }));
  const variables = {
    input: { events: entries, ...(random.chance(0.1) ? { account: hostile.text() } : {}) },
  };
  const body = JSON.stringify({ query: RECORD, variables });
  const headers = jsonHeaders(armoury, hostile);
  const answer = await send(armoury.url, { method: 'POST', path: '/graphql', headers, body });
  interface Recorded {
    readonly data?: {
      readonly recordEvents?: { readonly results: readonly { readonly result: string }[] };
    } | null;
  }
  const { data } = answer.status === 200 ? (JSON.parse(answer.text) as Recorded) : {};
  for (const [index, { result }] of (data?.recordEvents?.results ?? []).entries()) {
    const text = texts[index];
    if (text !== undefined && result === 'RECORDED') armoury.acknowledged.add(text);
  }
  return answer;
}

async function bulk(armoury: Armoury, hostile: Hostile): Promise<Answer> {
  const { body: sent, headers, events: texts } = hostileBody(hostile, armoury.account);
  const path = '/v1/events?refusals=10000';
  const authorization = `Bearer ${keyOf(armoury, hostile)}`;
  const answer = await send(armoury.url, {
    method: 'POST',
    path,
    headers: { authorization, ...headers },
    body: sent,
  });
  if (texts === undefined || answer.status !== 200) return answer;
  const report = JSON.parse(answer.text) as {
    readonly received: number;
    readonly refusals: readonly { readonly index: number }[];
  };
  // An array or lines that hold something else than one event each are cut differently.
  if (report.received !== texts.length) return answer;
  const refused = new Set(report.refusals.map(({ index }) => index));
  for (const [index, text] of texts.entries()) if (!refused.has(index)) armoury.acknowledged.add(text);
  return answer;
}

async function batch(armoury: Armoury, hostile: Hostile): Promise<Answer> {
  const count = hostile.random.pick([0, 2, 10, 11, 500]);
  const operations = Array.from({ length: count }, () =>
    hostile.random.chance(0.5) ? documents(armoury, hostile).operation() : { query: '{ __typename }' },
  );
  const headers = jsonHeaders(armoury, hostile);
  return send(armoury.url, { method: 'POST', path: '/graphql', headers, body: JSON.stringify(operations) });
}

async function body(armoury: Armoury, hostile: Hostile): Promise<Answer> {
  const { random } = hostile;
  const text = random.pick<() => string>([
    () => hostile.json(),
    () => `{"query":${hostile.json()},"variables":${hostile.json()},"operationName":${hostile.json()}}`,
    () => `{"query":"{__typename}","variables":${hostile.json()},"extensions":${hostile.json()}}`,
    () => '{"query":"{__typename}"',
    () => hostile.text(),
    () => `{"query":"{__typename}","query":"{a}","__proto__":{"query":"{b}"}}`,
    () => '['.repeat(100_000),
  ])();
  const type = random.pick([
    'application/json',
    'application/json',
    'application/json; charset=utf-16',
    'text/plain',
    'application/graphql',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
  ]);
  const headers = { ...jsonHeaders(armoury, hostile), 'content-type': type };
  const sent = random.chance(0.2) ? hostile.bytes(100) : text;
  return send(armoury.url, { method: 'POST', path: random.pick(GRAPHQL_PATHS), headers, body: sent });
}

async function request(armoury: Armoury, hostile: Hostile): Promise<Answer> {
  const { random } = hostile;
  const safe = (text: string): string => text.replaceAll(/[^\u0020-\u007e]/g, '').slice(0, 2_000);
  const authorization = random.pick([
    `Bearer ${keyOf(armoury, hostile)}`,
    `Bearer ${safe(hostile.text())}`,
    `bearer ${keyOf(armoury, hostile)}x`,
    'Basic YTpi',
    `Bearer cairn_${'a'.repeat(5_000)}_b`,
    `Bearer ${keyOf(armoury, hostile).replace(/_[^_]*$/, '_')}`,
  ]);
  const sent: Sent = {
    method: random.pick(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'PROPFIND', 'TRACE']),
    path: random.pick(PATHS),
    headers: {
      authorization,
      accept: random.pick(['*/*', 'text/html', 'application/graphql-response+json', safe(hostile.text())]),
      'content-encoding': random.pick(['identity', 'gzip', 'br', 'zstd', 'gzip, gzip', safe(hostile.text())]),
      'x-request-id': safe(hostile.text()),
      'x-forwarded-for': safe(hostile.text()),
      origin: random.pick(['null', 'https://evil.example', safe(hostile.text())]),
      cookie: safe(hostile.text()),
      traceparent: random.pick(['00-0-0-0', safe(hostile.text())]),
      range: random.pick(['bytes=0-', 'bytes=-1,5-2', safe(hostile.text())]),
    },
    body: random.chance(0.5) ? hostile.bytes(random.below(500)) : undefined,
  };
  return send(armoury.url, sent);
}

async function raw(armoury: Armoury, hostile: Hostile): Promise<Answer> {
  const { random } = hostile;
  const authorization = `authorization: Bearer ${keyOf(armoury, hostile)}\r\n`;
  const text = random.pick<() => string>([
    () => 'GET / HTTP/9.9\r\n\r\n',
    () => `POST /graphql HTTP/1.1\r\nhost: a\r\n${authorization}content-length: 100\r\n\r\n{"query":`,
    () =>
      `POST /v1/events HTTP/1.1\r\nhost: a\r\n${authorization}transfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\nzz\r\n`,
    () =>
      `POST /v1/events HTTP/1.1\r\nhost: a\r\n${authorization}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`,
    () =>
      `POST /v1/events HTTP/1.1\r\nhost: a\r\n${authorization}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n`,
    () => `GET /graphql HTTP/1.1\r\nhost: a\r\n${'x: y\r\n'.repeat(3_000)}\r\n`,
    () => `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
    () =>
      `GET /graphql HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n${authorization}\r\n`,
    () => `GET /readyz HTTP/1.1\r\nhost: a\r\nx: ${hostile.text()}\r\n\r\n`,
    () => 'GET /readyz HTTP/1.1\r\n'.repeat(50),
    () => '\u0016\u0003\u0001\u0002\u0000\u0001\u0000',
    () => hostile.text(),
  ])();
  return sendRaw(armoury.url, Buffer.from(text), random.pick(['end', 'cut', 'wait']));
}

async function events(armoury: Armoury, hostile: Hostile): Promise<Answer> {
  const { random } = hostile;
  const query = random.pick([
    'subscription ($filter: EventFilterInput, $after: String) { eventRecorded(filter: $filter, after: $after) { cursor } }',
    'subscription { a: eventRecorded { cursor } b: eventRecorded { cursor } }',
    'query { __typename }',
    monstrousDocument(hostile),
  ]);
  const after = random.chance(0.5) ? hostile.text() : (armoury.ids[random.below(armoury.ids.length)] ?? null);
  const sent = JSON.stringify({ query, variables: { filter: hostileFilter(hostile), after } });
  const head =
    `POST ${random.pick(GRAPHQL_PATHS)} HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n` +
    `content-type: application/json\r\nauthorization: Bearer ${keyOf(armoury, hostile)}\r\n` +
    `content-length: ${Buffer.byteLength(sent)}\r\n\r\n`;
  return sendRaw(armoury.url, Buffer.from(head + sent), random.pick(['end', 'cut', 'wait']));
}

async function websocket(armoury: Armoury, hostile: Hostile): Promise<Answer> {
  const { random } = hostile;
  const authorization = `Bearer ${keyOf(armoury, hostile)}`;
  const init = JSON.stringify({ type: 'connection_init', payload: { authorization } });
  const subscribe = (id: string): string =>
    JSON.stringify({
      type: 'subscribe',
      id,
      payload: {
        query: 'subscription ($filter: EventFilterInput) { eventRecorded(filter: $filter) { cursor } }',
        variables: { filter: hostileFilter(hostile) },
      },
    });
  const messages = Array.from({ length: 1 + random.below(10) }, () =>
    random.pick<() => string | Buffer>([
      () => subscribe(hostile.text()),
      () => subscribe('same'),
      () => JSON.stringify({ type: 'subscribe', id: 'q', payload: { query: monstrousDocument(hostile) } }),
      () => JSON.stringify({ type: hostile.text(), id: hostile.text(), payload: hostile.text() }),
      () => `{"type":"subscribe","id":"x","payload":${hostile.json()}}`,
      () => '{"type":"ping","payload":{}}',
      () => '{"type":"complete","id":"same"}',
      () => hostile.json(),
      () => hostile.bytes(50),
    ])(),
  );
  const url = `${armoury.url}${random.pick(['/graphql', '/subgraphs/events/graphql'])}`;
  return sendMessages(url, {}, random.chance(0.9) ? [init, ...messages] : messages);
}
