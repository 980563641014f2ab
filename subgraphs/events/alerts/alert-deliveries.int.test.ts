import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import { DeliveryStore } from '#projections/alerts/deliveries/store';
import { AlertsPlatform, type EventsProcess } from '#test/alerts-platform';
import { startReceiver, type WebhookReceiver } from '#test/webhook-receiver';

const ONE = '111122223333';
const TWO = '444455556666';
const ROOT: Principal = { keyId: 'root', role: 'administrator', accounts: 'ALL' };
const ADMIN: Principal = { keyId: 'admin', role: 'administrator', accounts: [ONE] };
const STRANGER: Principal = { keyId: 'stranger', role: 'administrator', accounts: [TWO] };
const AUDITOR: Principal = { keyId: 'auditor', role: 'auditor', accounts: 'ALL' };
const INGEST: Principal = { keyId: 'ingest', role: 'ingest', accounts: 'ALL' };

const LIST = `query ($alert: ID!, $state: AlertDeliveryState, $first: Int, $after: String) {
  alertDeliveries(alert: $alert, state: $state, first: $first, after: $after) {
    edges { node { id alertId eventId accountId state attempts lastStatus lastError nextAttemptAt deliveredAt } }
    pageInfo { hasNextPage endCursor }
  }
}`;
const AGAIN = 'mutation ($alert: ID, $ids: [ID!]) { sendAlertsAgain(alert: $alert, ids: $ids) }';
const TEST = 'mutation ($alert: ID!) { testAlert(alert: $alert) { status error } }';

let platform: AlertsPlatform;
let process: EventsProcess;
let receiver: WebhookReceiver;
let store: DeliveryStore;
let alert: string;

beforeAll(async () => {
  receiver = await startReceiver();
  platform = await AlertsPlatform.start();
  process = await platform.open();
  store = new DeliveryStore(platform.bed.pool);
  const { alert: put, webhookSecret } = await process.services.alerts.put(ADMIN, {
    name: 'hooked',
    description: '',
    filter: {},
    throttleSeconds: 0,
    webhook: { url: receiver.url, newSecret: false },
  });
  alert = put.id;
  receiver.secret = webhookSecret ?? '';
  await platform.record(5, { account: ONE });
  await platform.settle();
});
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  await receiver.close();
});

interface Page {
  readonly edges: readonly { readonly node: { readonly id: string; readonly state: string } }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

async function list(principal: Principal, variables: object = {}): Promise<Page> {
  const { data, errors } = await process.run(principal, LIST, { alert, ...variables });
  if (errors !== undefined) throw errors[0];
  return (data as { alertDeliveries: Page }).alertDeliveries;
}

async function codeOf(principal: Principal, text: string, variables: object): Promise<unknown> {
  const { data, errors } = await process.run(principal, text, { ...variables });
  return errors === undefined ? data : errors[0]?.extensions['code'];
}

async function kill(count: number): Promise<void> {
  const window = { now: new Date(Date.now() + 1_000), until: new Date(Date.now() + 60_000) };
  for (const one of await store.claim(new Map([[alert, count]]), window)) {
    await store.dead(one, { error: 'The receiver answered with 410.', status: 410 });
  }
}

it('shows administrators of the alert’s accounts what is sent, page by page', async () => {
  await kill(2);
  const first = await list(ADMIN, { first: 3 });
  const second = await list(ROOT, { first: 3, after: first.pageInfo.endCursor });
  expect([first.pageInfo.hasNextPage, second.pageInfo.hasNextPage]).toEqual([true, false]);
  const ids = [...first.edges, ...second.edges].map(({ node }) => node.id);
  expect(new Set(ids).size).toBe(5);
  const dead = await list(ADMIN, { state: 'DEAD' });
  expect(dead.edges).toHaveLength(2);
  expect(dead.edges[0]?.node).toMatchObject({
    alertId: alert,
    accountId: ONE,
    state: 'DEAD',
    attempts: 1,
    lastStatus: 410,
    lastError: 'The receiver answered with 410.',
    nextAttemptAt: null,
    deliveredAt: null,
  });
  expect((await list(ADMIN, { state: 'PENDING' })).edges).toHaveLength(3);
  expect((await list(ADMIN, { state: 'DELIVERED' })).edges).toEqual([]);
});

it('sends DEAD ones again, by id or all of an alert', async () => {
  const [one] = (await list(ADMIN, { state: 'DEAD' })).edges;
  const ids = [one?.node.id ?? ''];
  expect(await codeOf(ADMIN, AGAIN, { ids })).toEqual({ sendAlertsAgain: 1 });
  expect(await codeOf(ADMIN, AGAIN, { ids: [...ids, 'nobody', "'; DROP TABLE"] })).toEqual({
    sendAlertsAgain: 0,
  });
  expect(await codeOf(ADMIN, AGAIN, { alert })).toEqual({ sendAlertsAgain: 1 });
  expect((await list(ADMIN, { state: 'PENDING' })).edges).toHaveLength(5);
  expect((await list(ADMIN)).edges[0]?.node).toMatchObject({ nextAttemptAt: expect.any(String) });
});

it('refuses who may not, and what makes no sense', async () => {
  await kill(1);
  const ids = (await list(ADMIN, { state: 'DEAD' })).edges.map(({ node }) => node.id);
  for (const principal of [AUDITOR, INGEST]) {
    for (const [text, variables] of [
      [LIST, { alert }],
      [AGAIN, { alert }],
      [AGAIN, { ids }],
      [TEST, { alert }],
    ] as const) {
      expect(await codeOf(principal, text, variables)).toBe('FORBIDDEN');
    }
  }
  for (const text of [LIST, AGAIN, TEST]) {
    expect(await codeOf(STRANGER, text, { alert })).toBe('NOT_FOUND');
    expect(await codeOf(ADMIN, text, { alert: 'nobody' })).toBe('NOT_FOUND');
  }
  expect(await codeOf(STRANGER, AGAIN, { ids })).toEqual({ sendAlertsAgain: 0 });
  expect(await codeOf(ADMIN, AGAIN, {})).toBe('INVALID_ARGUMENT');
  expect(await codeOf(ADMIN, AGAIN, { alert, ids })).toBe('INVALID_ARGUMENT');
  expect(await codeOf(ADMIN, AGAIN, { ids: Array.from({ length: 201 }, () => alert) })).toBe(
    'LIMIT_EXCEEDED',
  );
  expect(await codeOf(ADMIN, LIST, { alert, after: 'x' })).toBe('INVALID_CURSOR');
  expect((await list(ADMIN, { state: 'DEAD' })).edges).toHaveLength(1);
});

it('sends a signed sample at once, and says what came of it', async () => {
  expect(await codeOf(ADMIN, TEST, { alert })).toEqual({ testAlert: { status: 204, error: null } });
  expect(receiver.received).toHaveLength(1);
  expect(receiver.received[0]).toMatchObject({ verified: true });
  expect(JSON.parse(String(receiver.received[0]?.body))).toMatchObject({
    type: 'cairn.alert.test.v1',
    source: '/cairn/log',
    subject: alert,
  });
  receiver.answer = 500;
  const failed = { status: 500, error: 'The receiver answered with 500.' };
  expect(await codeOf(ADMIN, TEST, { alert })).toEqual({ testAlert: failed });
  expect(receiver.received).toHaveLength(2);
  const { alert: silent } = await process.services.alerts.put(ADMIN, {
    name: 'silent',
    description: '',
    filter: {},
    throttleSeconds: 0,
    webhook: undefined,
  });
  expect(await codeOf(ADMIN, TEST, { alert: silent.id })).toBe('INVALID_ARGUMENT');
});

it('tests few webhooks at a time', async () => {
  const held: (() => void)[] = [];
  const four = Promise.withResolvers<void>();
  receiver.answer = (response) => {
    held.push(() => response.writeHead(204).end());
    if (held.length === 4) four.resolve();
  };
  const tests = Array.from({ length: 4 }, () => codeOf(ADMIN, TEST, { alert }));
  await four.promise;
  expect(await codeOf(ADMIN, TEST, { alert })).toBe('TOO_MANY_REQUESTS');
  for (const answer of held) answer();
  expect(await Promise.all(tests)).toEqual(tests.map(() => ({ testAlert: { status: 204, error: null } })));
});
