import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { graphql, postEvents } from '#test/acceptance/client';
import { type Platform, startPlatform, temporaryFolder } from '#test/acceptance/platform';
import { recordText } from '#test/events/records';

const ACCOUNT = '111111111111';
const RAISED = `subscription ($after: ID) {
  alertRaised(after: $after) { cursor alertName event { eventId eventName raw account { id } } } }`;

interface Raised {
  readonly cursor: string;
  readonly alertName: string;
  readonly event: { readonly eventId: string; readonly raw: string };
}

let dataDir: string;
let platform: Platform;
beforeAll(async () => {
  dataDir = join(await temporaryFolder(), 'data');
  platform = await startPlatform({ dataDir });
  await graphql(
    platform,
    'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code } } }',
    { input: { id: ACCOUNT, name: 'alerts' } },
  );
});
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  await rm(dirname(dataDir), { recursive: true, force: true });
});

let number = 0;
async function record(eventName: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `alert-${(number += 1)}`);
  const now = new Date().toISOString();
  const lines = ids.map((eventID) => recordText({ eventID, eventName, eventTime: now }));
  expect((await postEvents(platform, lines.join('\n'))).status).toBe(200);
  return ids;
}

/** Listening when it resolves; the function gives the next messages, so many, and `end` ends it. */
async function listen(path: string, after?: string) {
  const opened = Promise.withResolvers<void>();
  const client = createClient({
    url: `${platform.url}${path}`.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${platform.apiKey}` },
    retryAttempts: 0,
    on: { connected: () => opened.resolve() },
  });
  const messages = client.iterate<{ alertRaised: Raised }>({ query: RAISED, variables: { after } });
  await opened.promise;
  return {
    hear: async (count: number): Promise<Raised[]> => {
      const heard: Raised[] = [];
      while (heard.length < count) {
        const { done, value } = await messages.next();
        if (done === true || value.errors || !value.data) throw new Error(JSON.stringify(value));
        heard.push(value.data.alertRaised);
      }
      return heard;
    },
    end: async () => {
      await messages.return?.();
      await client.dispose();
    },
  };
}

const idsOf = (heard: readonly Raised[]): string[] => heard.map(({ event }) => event.eventId);

/** Until alerts have raised so many. */
async function raised(count: number): Promise<void> {
  for (;;) {
    const { alerts } = await graphql<{ alerts: { edges: { node: { raised: number } }[] } }>(
      platform,
      '{ alerts(first: 1) { edges { node { raised } } } }',
    );
    if (alerts.edges[0]?.node.raised === count) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('what an alert raises is told live, at both doors, and after a restart what was missed', async () => {
  await record('DeleteTrail', 2);
  const { putAlert } = await graphql<{ putAlert: { alert: { id: string } } }>(
    platform,
    'mutation ($input: PutAlertInput!) { putAlert(input: $input) { alert { id } } }',
    { input: { name: 'trails deleted', filter: { eventName: { equals: 'DeleteTrail' } } } },
  );
  await record('GetTrail', 1);
  const [first, second] = await record('DeleteTrail', 2);
  await raised(2);
  // Without a cursor it begins now; with the one of the oldest match it begins behind that.
  const { alertMatches } = await graphql<{
    alertMatches: { edges: { cursor: string; node: { event: { eventId: string } } }[] };
  }>(platform, 'query ($a: ID) { alertMatches(alert: $a) { edges { cursor node { event { eventId } } } } }', {
    a: putAlert.alert.id,
  });
  expect(alertMatches.edges.map(({ node }) => node.event.eventId)).toEqual([second, first]);
  const oldest = alertMatches.edges[1]?.cursor;

  const doors = [await listen('/graphql', oldest), await listen('/subgraphs/events/graphql', oldest)];
  expect(idsOf(await doors[0]!.hear(1))).toEqual([second]);
  expect(idsOf(await doors[1]!.hear(1))).toEqual([second]);
  const live = await record('DeleteTrail', 3);
  const [heard, atSubgraph] = [await doors[0]!.hear(3), await doors[1]!.hear(3)];
  expect(idsOf(heard)).toEqual(live);
  expect(atSubgraph.map(({ cursor }) => cursor)).toEqual(heard.map(({ cursor }) => cursor));
  expect(heard[0]).toMatchObject({ alertName: 'trails deleted', event: { account: { id: ACCOUNT } } });
  expect(JSON.parse(heard[0]?.event.raw ?? '')).toMatchObject({ eventID: live[0] });
  for (const door of doors) await door.end();

  // Recorded while nobody listens, some of it just before everything is killed.
  const missed = await record('DeleteTrail', 5);
  await platform.stop('SIGKILL');
  platform = await startPlatform({ dataDir, apiKey: platform.apiKey });
  missed.push(...(await record('DeleteTrail', 5)));
  const again = await listen('/graphql', heard[0]?.cursor);
  expect(idsOf(await again.hear(12))).toEqual([...live.slice(1), ...missed]);
  const [last] = await record('DeleteTrail', 1);
  expect(idsOf(await again.hear(1))).toEqual([last]);
  await again.end();
});
