import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { graphql, postEvents } from '#test/acceptance/client';
import { startPlatform, temporaryFolder, type Platform } from '#test/acceptance/platform';
import { startReceiver, type WebhookReceiver } from '#test/webhook-receiver';

const ACCOUNT = '111122223333';
const PUT = `mutation ($input: PutAlertInput!) { putAlert(input: $input) { alert { id } webhookSecret } }`;
const DELIVERIES = `query ($alert: ID!, $state: AlertDeliveryState) {
  alertDeliveries(alert: $alert, state: $state) {
    edges { node { id state attempts lastStatus lastError accountId } }
  }
}`;

interface Delivery {
  readonly id: string;
  readonly state: string;
  readonly lastStatus: number | null;
}

let folder: string;
let platform: Platform;
let receiver: WebhookReceiver;
let alert: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  receiver = await startReceiver();
  platform = await startPlatform({
    dataDir: join(folder, 'data'),
    env: { CAIRN_WEBHOOK_NETWORKS: '127.0.0.0/8' },
  });
});
afterAll(async () => {
  await platform.stop();
  await receiver.close();
  await rm(folder, { recursive: true, force: true });
});

const input = (url: string) => ({
  name: 'root logins',
  description: 'Nobody should.',
  filter: { eventName: { equals: 'ConsoleLogin' } },
  webhook: { url },
});

async function deliveries(state?: string): Promise<readonly Delivery[]> {
  const { alertDeliveries } = await graphql<{ alertDeliveries: { edges: { node: Delivery }[] } }>(
    platform,
    DELIVERIES,
    { alert, state },
  );
  return alertDeliveries.edges.map(({ node }) => node);
}

async function recorded(...events: readonly string[]): Promise<void> {
  const answer = await postEvents(platform, events.join('\n'), '?import=webhooks');
  expect(await answer.json()).toMatchObject({ recorded: events.length });
}

/** What is written down of an answer comes a moment after it. */
async function settled(state: string, count: number): Promise<readonly Delivery[]> {
  for (;;) {
    const found = await deliveries(state);
    if (found.length >= count) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

it('sends what an alert finds as a signed CloudEvent with the record’s own bytes', async () => {
  const { putAlert } = await graphql<{ putAlert: { alert: { id: string }; webhookSecret: string } }>(
    platform,
    PUT,
    { input: input(receiver.url) },
  );
  alert = putAlert.alert.id;
  receiver.secret = putAlert.webhookSecret;
  const { testAlert } = await graphql<{ testAlert: object }>(
    platform,
    'mutation ($id: ID!) { testAlert(alert: $id) { status error } }',
    { id: alert },
  );
  expect(testAlert).toEqual({ status: 204, error: null });
  expect(receiver.received[0]).toMatchObject({ verified: true });
  expect(bodyOf(0)).toMatchObject({ type: 'cairn.alert.test.v1', data: { alert: { name: 'root logins' } } });

  const events = [record(1, 'ConsoleLogin'), record(2, 'GetObject')];
  await recorded(...events);
  await receiver.heard(2);
  const [, got] = receiver.received;
  expect(got).toMatchObject({ verified: true });
  expect(got?.body.includes(Buffer.from(events[0] ?? ''))).toBe(true);
  expect(bodyOf(1)).toMatchObject({
    specversion: '1.0',
    id: got?.id,
    type: 'cairn.alert.raised.v1',
    subject: alert,
    data: {
      alert: { id: alert, name: 'root logins', description: 'Nobody should.' },
      account: ACCOUNT,
      event: { eventID: 'webhook-1' },
    },
  });
  const [delivered] = await settled('DELIVERED', 1);
  expect(delivered).toMatchObject({ id: got?.id, attempts: 1, lastStatus: 204, accountId: ACCOUNT });
  expect(await deliveries()).toHaveLength(1);
  // Its cursor is where a listener goes on.
  const { event } = await graphql<{ event: { eventId: string } }>(
    platform,
    'query ($id: ID!) { event(id: $id) { eventId } }',
    { id: (bodyOf(1)['data'] as { eventId: string }).eventId },
  );
  expect(event).toEqual({ eventId: 'webhook-1' });
});

it('gives up where it is told so, and sends again when it is asked to', async () => {
  receiver.answer = 410;
  await recorded(record(3, 'ConsoleLogin'));
  await receiver.heard(3);
  const [dead] = await settled('DEAD', 1);
  expect(dead).toMatchObject({ lastStatus: 410, lastError: 'The receiver answered with 410.' });
  receiver.answer = 204;
  const { sendAlertsAgain } = await graphql<{ sendAlertsAgain: number }>(
    platform,
    'mutation ($alert: ID) { sendAlertsAgain(alert: $alert) }',
    { alert },
  );
  expect(sendAlertsAgain).toBe(1);
  await receiver.heard(4);
  expect(receiver.received[3]).toMatchObject({ id: dead?.id, verified: true });
  await settled('DELIVERED', 2);
});

it('sends nowhere that is not allowed', async () => {
  await platform.stop();
  const { apiKey, dataDir } = platform;
  platform = await startPlatform({ dataDir, apiKey });
  const refused = await graphql(platform, PUT, { input: input(receiver.url) }).then(
    () => 'put',
    (error: unknown) => String(error),
  );
  expect(refused).toContain('INVALID_ARGUMENT');
  expect(refused).toContain('input.webhook.url');
  expect(refused).not.toContain('hidden');
  const { testAlert } = await graphql<{ testAlert: object }>(
    platform,
    'mutation ($id: ID!) { testAlert(alert: $id) { status error } }',
    { id: alert },
  );
  expect(testAlert).toEqual({
    status: null,
    error: 'The address leads into a network that is not allowed.',
  });
  expect(receiver.received).toHaveLength(4);
  expect(platform.output()).not.toContain('hidden');
  await platform.stop();
  platform = await startPlatform({ dataDir, apiKey, env: { CAIRN_WEBHOOK_NETWORKS: '127.0.0.1' } });
});

it('sends after a crash what it had not sent before', async () => {
  receiver.answer = (response) => response.destroy();
  await recorded(record(4, 'ConsoleLogin'));
  await receiver.heard(5);
  await platform.stop('SIGKILL');
  receiver.answer = 204;
  const { apiKey, dataDir } = platform;
  platform = await startPlatform({ dataDir, apiKey, env: { CAIRN_WEBHOOK_NETWORKS: '127.0.0.1' } });
  await receiver.heard(6);
  expect(receiver.received[5]).toMatchObject({ id: receiver.received[4]?.id, verified: true });
  await settled('DELIVERED', 3);
  expect(platform.output()).not.toContain('hidden');
});

function bodyOf(index: number): Record<string, unknown> {
  return JSON.parse(String(receiver.received[index]?.body)) as Record<string, unknown>;
}

function record(n: number, eventName: string): string {
  return JSON.stringify({
    eventVersion: '1.11',
    eventID: `webhook-${n}`,
    eventTime: new Date(Date.UTC(2026, 10, 1) + n * 1_000).toISOString().replace('.000Z', 'Z'),
    eventSource: 'signin.amazonaws.com',
    eventName,
    awsRegion: 'eu-central-1',
    sourceIPAddress: '192.0.2.7',
    recipientAccountId: ACCOUNT,
    userIdentity: { type: 'Root', accountId: ACCOUNT },
  });
}
