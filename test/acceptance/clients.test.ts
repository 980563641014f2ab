import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import {
  ApolloClient,
  ApolloLink,
  CombinedGraphQLErrors,
  HttpLink,
  InMemoryCache,
  gql,
} from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { createClient } from 'graphql-ws';
import { OperationTypeNode } from 'graphql';
import { filter, firstValueFrom } from 'rxjs';
import { EventSource } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { graphql, postEvents, settled } from '#test/acceptance/client';
import { type Platform, startPlatform } from '#test/acceptance/platform';
import { recordText } from '#test/events/records';
import { startFaultProxy } from '#test/faults/fault-proxy';

const PAGED = 120;

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform();
  await graphql(
    platform,
    'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code } } }',
    { input: { id: '111111111111' } },
  );
  const texts = Array.from({ length: PAGED }, (_, n) =>
    recordText({ eventID: `page-${n}`, eventName: 'Paged' }),
  );
  expect((await postEvents(platform, texts.join('\n'))).status).toBe(200);
  await settled(platform);
});
afterAll(() => platform[Symbol.asyncDispose]());

describe('Apollo Client', () => {
  let client: ApolloClient;
  const socket = (): ReturnType<typeof createClient> =>
    createClient({
      url: `${platform.url}/graphql`.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${platform.apiKey}` },
    });

  beforeAll(() => {
    const http = new HttpLink({
      uri: `${platform.url}/graphql`,
      headers: { authorization: `Bearer ${platform.apiKey}` },
    });
    client = new ApolloClient({
      link: ApolloLink.split(
        ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
        new GraphQLWsLink(socket()),
        http,
      ),
      cache: new InMemoryCache({
        typePolicies: { Query: { fields: { events: relayStylePagination(['filter', 'orderBy']) } } },
      }),
    });
  });
  afterAll(() => client.stop());

  test('pages through a connection with its own relayStylePagination', async () => {
    interface Page {
      readonly events: {
        readonly edges: readonly { readonly node: { readonly eventId: string } }[];
        readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
      };
    }
    const query = gql`
      query Paged($after: String) {
        events(first: 50, after: $after, filter: { eventName: { equals: "Paged" } }) {
          edges {
            cursor
            node {
              id
              eventId
            }
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    `;
    const watched = client.watchQuery<Page>({ query });
    const following = watched.subscribe({});
    const first = await firstValueFrom(watched.pipe(filter(({ dataState }) => dataState === 'complete')));
    let data = first.data as Page | undefined;
    for (let pages = 1; data?.events.pageInfo.hasNextPage; pages++) {
      expect(data.events.edges).toHaveLength(50 * pages);
      await watched.fetchMore({ variables: { after: data.events.pageInfo.endCursor } });
      data = client.readQuery<Page>({ query }) ?? undefined;
    }
    following.unsubscribe();
    const ids = data?.events.edges.map(({ node }) => node.eventId) ?? [];
    expect(ids.toSorted()).toEqual(Array.from({ length: PAGED }, (_, n) => `page-${n}`).toSorted());
  });

  test('records with a mutation and hears of it by a subscription', async () => {
    const heard = Promise.withResolvers<unknown>();
    const subscription = client
      .subscribe({
        query: gql`
          subscription Follow($filter: EventFilterInput, $since: DateTime) {
            eventRecorded(filter: $filter, since: $since) {
              cursor
              event {
                id
                eventId
                eventName
              }
            }
          }
        `,
        variables: {
          filter: { eventName: { equals: 'FromApollo' } },
          since: new Date(Date.now() - 60_000).toISOString(),
        },
      })
      .subscribe({ next: ({ data }) => heard.resolve(data), error: heard.reject });
    const eventData = recordText({ eventID: 'apollo-1', eventName: 'FromApollo' });
    const { data } = await client.mutate({
      mutation: gql`
        mutation Record($input: RecordEventsInput!) {
          recordEvents(input: $input) {
            recorded
            results {
              result
            }
          }
        }
      `,
      variables: { input: { events: [{ eventData }] } },
    });
    expect(data).toMatchObject({ recordEvents: { recorded: 1, results: [{ result: 'RECORDED' }] } });
    expect(await heard.promise).toMatchObject({ eventRecorded: { event: { eventId: 'apollo-1' } } });
    subscription.unsubscribe();
  });

  test('sees codes of errors as its own errors', async () => {
    const query = gql`
      query Wrong {
        events(first: 1000) {
          edges {
            node {
              id
            }
          }
        }
      }
    `;
    const error: unknown = await client.query({ query }).catch((reason: unknown) => reason);
    if (!CombinedGraphQLErrors.is(error)) throw new Error(`It was told ${String(error)}.`);
    expect(error.errors[0]?.extensions?.['code']).toBe('LIMIT_EXCEEDED');
  });
});

test('EventSource: its ticket is good for one stream, so that it is refused when it reconnects by itself', async () => {
  const { createStreamTicket } = await graphql<{ createStreamTicket: { ticket: string } }>(
    platform,
    'mutation { createStreamTicket { ticket } }',
  );
  const { hostname: host, port } = new URL(platform.url);
  await using proxy = await startFaultProxy({ host, port: Number(port) });
  const url = new URL(`http://127.0.0.1:${proxy.port}/graphql`);
  url.searchParams.set(
    'query',
    'subscription { eventRecorded(filter: { eventName: { equals: "Sourced" } }) { event { eventId } } }',
  );
  url.searchParams.set('ticket', createStreamTicket.ticket);
  const source = new EventSource(url);
  const message = once(source, 'next');
  await once(source, 'open');
  await postEvents(platform, recordText({ eventID: 'sourced-1', eventName: 'Sourced' }));
  const [told] = (await message) as [{ readonly data: string }];
  expect(JSON.parse(told.data)).toEqual({ data: { eventRecorded: { event: { eventId: 'sourced-1' } } } });
  const states: number[] = [];
  const closed = new Promise<void>((resolve) => {
    source.addEventListener('error', () => {
      states.push(source.readyState);
      if (source.readyState === EventSource.CLOSED) resolve();
    });
  });
  proxy.cut();
  await closed;
  expect(states).toEqual([EventSource.CONNECTING, EventSource.CLOSED]);
});

test('graphql-ws, lazy, with a keep-alive of its own: an idle connection stays the same one', async () => {
  let connected = 0;
  let pongs = 0;
  const client = createClient({
    url: `${platform.url}/graphql`.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${platform.apiKey}` },
    keepAlive: 200,
    on: { connected: () => (connected += 1), pong: () => (pongs += 1) },
  });
  const query =
    'subscription { eventRecorded(filter: { eventName: { equals: "Kept" } }) { event { eventId } } }';
  const messages = client.iterate({ query });
  const next = messages.next();
  while (pongs < 5) await delay(50);
  await postEvents(platform, recordText({ eventID: 'kept-1', eventName: 'Kept' }));
  expect((await next).value).toEqual({ data: { eventRecorded: { event: { eventId: 'kept-1' } } } });
  expect(connected).toBe(1);
  await client.dispose();
});

describe('curl', () => {
  const authorization = (): string[] => ['-H', `authorization: Bearer ${platform.apiKey}`];

  test('a query', async () => {
    const body = JSON.stringify({
      query: '{ eventCounts(filter: { eventName: { equals: "Paged" } }) { total } }',
    });
    const headers = [...authorization(), '-H', 'content-type: application/json'];
    const { stdout } = await curl(['-s', `${platform.url}/graphql`, ...headers, '-d', body]);
    expect(JSON.parse(stdout)).toEqual({ data: { eventCounts: { total: PAGED } } });
  });

  test('a file of events, gzip', async () => {
    const file = join(platform.dataDir, '..', 'bulk.ndjson.gz');
    const texts = Array.from({ length: 10 }, (_, n) =>
      recordText({ eventID: `curl-${n}`, eventName: 'Curled' }),
    );
    await writeFile(file, gzipSync(texts.join('\n')));
    const headers = [...authorization(), '-H', 'content-encoding: gzip'];
    const { stdout } = await curl([
      '-s',
      `${platform.url}/v1/events`,
      ...headers,
      '--data-binary',
      `@${file}`,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ received: 10, recorded: 10, refused: 0 });
  });

  test('a file by its link, without a header, resumed where it broke off', async () => {
    const link = await exportLink();
    const file = join(platform.dataDir, '..', 'taken.ndjson');
    const whole = await curl(['-s', platform.url + link.path]);
    expect(whole.stdout.trimEnd().split('\n')).toHaveLength(PAGED);
    await writeFile(file, whole.stdout);
    await truncate(file, 1_000);
    const resumed = await curl([
      '-sS',
      '-C',
      '-',
      '-w',
      '%{http_code}',
      '-o',
      file,
      platform.url + link.path,
    ]);
    expect(resumed).toEqual({ code: 0, stdout: '206' });
    expect(await readFile(file, 'utf8')).toBe(whole.stdout);
    const sha = await run('sha256sum', [file]);
    expect(sha.stdout).toContain(link.sha256);
  });

  test('a link that was changed, or of another file, is refused', async () => {
    const [one, other] = [await exportLink(), await exportLink()];
    const token = new URL(platform.url + one.path).searchParams.get('token') ?? '';
    const elsewhere = new URL(platform.url + other.path);
    elsewhere.searchParams.set('token', token);
    for (const url of [
      elsewhere.href,
      `${platform.url}${one.path}x`,
      `${platform.url}${one.path.split('?')[0]}`,
    ]) {
      const { stdout } = await curl(['-s', '-o', '/dev/null', '-w', '%{http_code}', url]);
      expect(stdout).toBe('403');
    }
  });
});

interface Link {
  readonly path: string;
  readonly sha256: string;
}

async function exportLink(): Promise<Link> {
  const { startExport } = await graphql<{ startExport: { id: string } }>(
    platform,
    'mutation { startExport(input: { format: NDJSON, filter: { eventName: { equals: "Paged" } } }) { id } }',
  );
  for (;;) {
    const { export: view } = await graphql<{
      export: { state: string; sha256: string; link: { path: string } | null };
    }>(platform, 'query ($id: ID!) { export(id: $id) { state sha256 link { path } } }', {
      id: startExport.id,
    });
    if (view.link !== null) return { path: view.link.path, sha256: view.sha256 };
    if (view.state !== 'QUEUED' && view.state !== 'RUNNING') throw new Error(view.state);
    await delay(50);
  }
}

function curl(args: readonly string[]): Promise<{ code: number | null; stdout: string }> {
  return run('curl', args);
}

async function run(
  command: string,
  args: readonly string[],
): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout };
}
