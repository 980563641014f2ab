import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { EventSource } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { graphql, postEvents } from '#test/acceptance/client';
import { type Platform, runCairn, startPlatform } from '#test/acceptance/platform';
import { recordText } from '#test/events/records';
import { startFaultProxy } from '#test/faults/fault-proxy';

const DOORS = ['/graphql', '/subgraphs/events/graphql'];
const ACCOUNT = '111111111111';
const QUERY = `subscription ($filter: EventFilterInput, $after: ID) {
  eventRecorded(filter: $filter, after: $after) { cursor event { id eventId eventName raw } } }`;

interface Message {
  readonly data?: {
    readonly eventRecorded: { readonly cursor: string; readonly event: { readonly eventId: string } };
  };
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform();
  await graphql(
    platform,
    'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code } } }',
    { input: { id: ACCOUNT, name: 'live' } },
  );
});
afterAll(() => platform[Symbol.asyncDispose]());

let number = 0;
/** Records events under a name of the test's own and gives their ids. */
async function record(eventName: string, count = 1): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `live-${(number += 1)}`);
  const now = new Date().toISOString();
  const lines = ids.map((eventID) => recordText({ eventID, eventName, eventTime: now }));
  const response = await postEvents(platform, lines.join('\n'));
  expect(response.status).toBe(200);
  return ids;
}

/** A cursor behind which nothing of the test has been recorded yet. */
async function cursorNow(): Promise<string> {
  const [id] = await record('Before');
  const { recordEvents } = await graphql<{ recordEvents: { results: { id: string }[] } }>(
    platform,
    'mutation ($input: RecordEventsInput!) { recordEvents(input: $input) { results { id } } }',
    { input: { events: [{ eventData: recordText({ eventID: `${id}-cursor` }) }] } },
  );
  return recordEvents.results[0]!.id;
}

/** What a test needs of a stream, whoever's client carries it. */
interface Listening {
  next(): Promise<Message>;
  end(): void | Promise<void>;
}

async function eventIds(listening: Listening, count: number): Promise<(string | undefined)[]> {
  const ids: (string | undefined)[] = [];
  while (ids.length < count) {
    const message = await listening.next();
    if (message.errors) throw new Error(JSON.stringify(message.errors));
    ids.push(message.data?.eventRecorded.event.eventId);
  }
  return ids;
}

type Variables = Record<string, unknown>;
type Client = (url: string, variables: Variables) => Promise<Listening> | Listening;

function listeningTo(iterator: AsyncIterator<unknown>): Listening {
  return {
    next: async () => (await iterator.next()).value as Message,
    end: async () => void (await iterator.return?.()),
  };
}

const CLIENTS: Readonly<Record<string, Client>> = {
  'graphql-ws, key in connection_init': (url, variables) => {
    const client = createWsClient({
      url: url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${platform.apiKey}` },
    });
    return listeningTo(client.iterate({ query: QUERY, variables }));
  },
  'graphql-sse': (url, variables) => {
    const client = createSseClient({ url, headers: { authorization: `Bearer ${platform.apiKey}` } });
    return listeningTo(client.iterate({ query: QUERY, variables }));
  },
  'EventSource with a ticket': async (url, variables) => {
    const { createStreamTicket } = await graphql<{ createStreamTicket: { ticket: string } }>(
      platform,
      'mutation { createStreamTicket { ticket expiresAt } }',
    );
    const place = new URL(url);
    place.searchParams.set('query', QUERY);
    place.searchParams.set('variables', JSON.stringify(variables));
    place.searchParams.set('ticket', createStreamTicket.ticket);
    const source = new EventSource(place);
    const heard: Message[] = [];
    let wake: () => void = () => undefined;
    source.addEventListener('next', (event) => {
      if ('data' in event) heard.push(JSON.parse(String(event.data)) as Message);
      wake();
    });
    return {
      next: async () => {
        if (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        return heard.shift() ?? {};
      },
      end: () => source.close(),
    };
  },
  'curl -N': (url, variables) => {
    const headers = ['accept: text/event-stream', 'content-type: application/json'];
    const named = [...headers, `authorization: Bearer ${platform.apiKey}`].flatMap((one) => ['-H', one]);
    const curl = spawn('curl', ['-sN', url, ...named, '-d', JSON.stringify({ query: QUERY, variables })]);
    const lines = createInterface({ input: curl.stdout })[Symbol.asyncIterator]();
    return {
      next: async () => {
        for (;;) {
          const { value } = await lines.next();
          if (value?.startsWith('data: {')) return JSON.parse(value.slice(6)) as Message;
        }
      },
      end: async () => {
        const closed = once(curl, 'close');
        curl.kill();
        await closed;
      },
    };
  },
};

describe.each(DOORS)('eventRecorded at %s', (path) => {
  test.each(Object.keys(CLIENTS))('%s: what was missed, then what comes, each once', async (name) => {
    const client = CLIENTS[name]!;
    const eventName = `Live${(number += 1)}`;
    const after = await cursorNow();
    const missed = await record(eventName, 3);
    await record('SomethingElse');
    const listening = await client(`${platform.url}${path}`, {
      after,
      filter: { eventName: { equals: eventName } },
    });
    expect(await eventIds(listening, 3)).toEqual(missed);
    const live = await record(eventName, 2);
    expect(await eventIds(listening, 2)).toEqual(live);
    await listening.end();
  });

  test('a ticket opens one stream, a wrong one none', async () => {
    const { createStreamTicket } = await graphql<{ createStreamTicket: { ticket: string } }>(
      platform,
      'mutation { createStreamTicket { ticket } }',
    );
    const first = await stream(`${path}?ticket=${createStreamTicket.ticket}`);
    expect(first.status).toBe(200);
    await first.body?.cancel();
    expect((await stream(`${path}?ticket=${createStreamTicket.ticket}`)).status).toBe(401);
    expect((await stream(`${path}?ticket=nonsense`)).status).toBe(401);
    expect((await stream(path)).status).toBe(401);
    expect(platform.output()).not.toContain(createStreamTicket.ticket);
  });

  test('only subscriptions travel here, and they do not travel otherwise', async () => {
    const headers = { authorization: `Bearer ${platform.apiKey}` };
    const refused = await (await stream(path, headers, '{ __typename }')).text();
    expect(refused).toContain('"code":"INVALID_ARGUMENT"');
    expect(refused).toContain('event: complete');
    const broken = await (await stream(path, headers, 'subscription { nothing }')).text();
    expect(broken).toContain('"code":"GRAPHQL_VALIDATION_FAILED"');
    const plain = await fetch(`${platform.url}${path}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ query: QUERY }),
    });
    expect(await plain.text()).toContain('text/event-stream');
  });

  test('a page of another origin cannot connect', async () => {
    const socket = new WebSocket(`${platform.url}${path}`.replace('http', 'ws'), 'graphql-transport-ws', {
      origin: 'https://elsewhere.example',
    });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('403');
  });

  test('a connection that does not say whose it is, or wrongly, is closed', async () => {
    const socket = new WebSocket(`${platform.url}${path}`.replace('http', 'ws'), 'graphql-transport-ws');
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: 'Bearer nobody' } }));
    expect((await once(socket, 'close'))[0]).toBe(4401);
    const silent = new WebSocket(`${platform.url}${path}`.replace('http', 'ws'), 'graphql-transport-ws');
    expect((await once(silent, 'close'))[0]).toBe(4408);
  });
});

/** What takes half a minute, all at once. */
describe.concurrent('in time', () => {
  test.each(DOORS)(
    'a revoked key ends its streams at %s within a minute, and no more can be opened with it',
    async (path) => {
      const key = await createKey();
      const eventName = `Seen${(number += 1)}`;
      const filter = { eventName: { equals: eventName } };
      const listening = withKey(path, key.secret, { after: await cursorNow(), filter });
      const [id] = await record(eventName);
      expect(await eventIds(listening, 1)).toEqual([id]);
      const since = performance.now();
      await graphql(platform, 'mutation ($id: ID!) { revokeApiKey(id: $id) { userErrors { code } } }', {
        id: key.id,
      });
      expect(await endOf(listening)).toBe('UNAUTHENTICATED');
      expect(performance.now() - since).toBeLessThan(60_000);
      const again = await stream(path, { authorization: `Bearer ${key.secret}` });
      expect(again.status).toBe(401);
    },
  );

  test('a key that expires ends its streams within a minute', async () => {
    const expiresAt = new Date(Date.now() + 10_000);
    const key = await createKey({ expiresAt: expiresAt.toISOString() });
    const listening = withKey('/graphql', key.secret, {});
    expect(await endOf(listening)).toBe('UNAUTHENTICATED');
    expect(Date.now() - expiresAt.getTime()).toBeGreaterThan(0);
    expect(Date.now() - expiresAt.getTime()).toBeLessThan(60_000);
  });

  test('idle server-sent events carry a comment', async () => {
    const filter = { eventName: { equals: 'Never' } };
    const headers = { authorization: `Bearer ${platform.apiKey}` };
    const response = await stream('/graphql', headers, QUERY, { filter });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe(':\n\n');
    await reader?.cancel();
  });

  test('an idle WebSocket is pinged; a client that does not answer is gone', async () => {
    const url = `${platform.url}/graphql`.replace('http', 'ws');
    const open = async (autoPong: boolean): Promise<WebSocket> => {
      const headers = { authorization: `Bearer ${platform.apiKey}` };
      const socket = new WebSocket(url, 'graphql-transport-ws', { autoPong, headers });
      await once(socket, 'open');
      socket.send(JSON.stringify({ type: 'connection_init' }));
      return socket;
    };
    const [answers, dead] = [await open(true), await open(false)];
    const closed = once(dead, 'close');
    await once(answers, 'ping');
    expect((await closed)[0]).toBe(1006);
    // The one that answered both pings is still there.
    expect(answers.readyState).toBe(WebSocket.OPEN);
    answers.close();
  });
});

test('a WebSocket carries fifty streams and refuses one more, which the others do not notice', async () => {
  const client = createWsClient({
    url: `${platform.url}/graphql`.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${platform.apiKey}` },
  });
  const variables = { after: await cursorNow(), filter: { eventName: { equals: 'Capped' } } };
  const open = (): Listening => listeningTo(client.iterate({ query: QUERY, variables }));
  const streams = Array.from({ length: 50 }, open);
  const [id] = await record('Capped');
  for (const one of streams) expect(await eventIds(one, 1)).toEqual([id]);
  expect(await endOf(open())).toBe('TOO_MANY_REQUESTS');
  const [next] = await record('Capped');
  for (const one of streams) expect(await eventIds(one, 1)).toEqual([next]);
  await client.dispose();
});

test('cairn tail: what was recorded since, then what comes; Ctrl-C is no failure', async () => {
  const eventName = `Tail${(number += 1)}`;
  const [past] = await record(eventName);
  const env = { CAIRN_URL: platform.url, CAIRN_API_KEY: platform.apiKey };
  const tail = runCairn(['tail', '--since', '1h', '-o', 'json', '-f', `eventName=${eventName}`], env);
  if (tail.stdout === null) throw new Error('no output');
  const lines = createInterface({ input: tail.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toContain(`"eventId":"${past}"`);
  const [next] = await record(eventName);
  expect((await lines.next()).value).toContain(`"eventId":"${next}"`);
  const closed = once(tail, 'close');
  tail.kill('SIGINT');
  expect(await closed).toEqual([0, null]);
});

test('cairn tail connects again by itself, says so, and tells each event once', async () => {
  const eventName = `Tail${(number += 1)}`;
  const { hostname: host, port } = new URL(platform.url);
  await using proxy = await startFaultProxy({ host, port: Number(port) });
  const env = { CAIRN_URL: `http://127.0.0.1:${proxy.port}`, CAIRN_API_KEY: platform.apiKey };
  const tail = runCairn(['tail', '--since', '1h', '-f', `eventName=${eventName}`], env);
  if (tail.stdout === null || tail.stderr === null) throw new Error('no output');
  const lines = createInterface({ input: tail.stdout })[Symbol.asyncIterator]();
  const lost = once(tail.stderr, 'data');
  await record(eventName);
  const [time = '', name] = String((await lines.next()).value).split(/ {2,}/);
  expect([time, name]).toEqual([expect.stringMatching(/^\d{4}-\d\d-\d\dT/), eventName]);
  await proxy.change('refuse');
  await record(eventName, 2);
  expect(String((await lost)[0])).toContain('connecting again');
  await proxy.change('pass');
  const more = [await lines.next(), await lines.next()].map(({ value }) => String(value));
  for (const line of more) expect(line).toContain(eventName);
  const [last] = await record(eventName);
  expect(last).toBeDefined();
  expect(String((await lines.next()).value)).toContain(eventName);
  const closed = once(tail, 'close');
  tail.kill('SIGINT');
  expect(await closed).toEqual([0, null]);
});

test('a join with another subgraph is refused by name at the gateway', async () => {
  const query = 'subscription { eventRecorded { event { account { id name } } } }';
  const headers = { authorization: `Bearer ${platform.apiKey}` };
  const answer = await (await stream('/graphql', headers, query)).text();
  expect(answer).toContain('fields of the subgraph events');
});

function withKey(path: string, secret: string, variables: Variables): Listening {
  const client = createWsClient({
    url: `${platform.url}${path}`.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${secret}` },
  });
  return listeningTo(client.iterate({ query: QUERY, variables }));
}

/** The code of the error that a stream ends with, as a last message or instead of one. */
async function endOf(listening: Listening): Promise<string | undefined> {
  for (;;) {
    try {
      const { errors } = await listening.next();
      if (errors !== undefined) return errors[0]?.extensions?.code;
    } catch (errors) {
      if (!Array.isArray(errors)) throw errors;
      return (errors as NonNullable<Message['errors']>)[0]?.extensions?.code;
    }
  }
}

async function createKey(more: object = {}): Promise<{ id: string; secret: string }> {
  const { createApiKey } = await graphql<{ createApiKey: { secret: string; apiKey: { id: string } } }>(
    platform,
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret apiKey { id } } }',
    { input: { name: 'follower', role: 'AUDITOR', allAccounts: true, ...more } },
  );
  return { id: createApiKey.apiKey.id, secret: createApiKey.secret };
}

function stream(
  path: string,
  headers: Record<string, string> = {},
  query = QUERY,
  variables: Variables = {},
): Promise<Response> {
  return fetch(`${platform.url}${path}`, {
    method: 'POST',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
}
