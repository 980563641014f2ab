import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AlertRow, DueDelivery } from '#projections/alerts/alert-row';
import { DeliveryStore } from '#projections/alerts/deliveries/store';
import { MatchStore } from '#projections/alerts/matches/store';
import { createTestDatabase, type TestDatabase } from '#test/harness';
import { putAlert } from '#test/alerts-bed';

const ONE = '111111111111';
const TWO = '222222222222';
const webhook = { url: 'https://example.org/hook', secret: Buffer.alloc(32, 7) };
let database: TestDatabase;
let store: DeliveryStore;
let position = 0;

beforeEach(async () => {
  database = await createTestDatabase();
  store = new DeliveryStore(database.pool);
  position = 0;
});
afterEach(() => database.drop());

/** Raises so many matches of the alert, in account ONE. */
async function raise(alert: AlertRow, count: number): Promise<void> {
  const raised = Array.from({ length: count }, (_, index) => ({
    alert: alert.id,
    account: ONE,
    place: { epoch: 0, position: position + index },
    receivedAt: Date.now(),
    eventTime: 0,
    suppressed: 0,
    lastSuppressed: undefined,
  }));
  position += count;
  await new MatchStore(database.pool).advance({ epoch: 0, position }, async () => ({ raised, held: [] }));
}

const soon = (): Date => new Date(Date.now() + 1_000);
const later = (): Date => new Date(Date.now() + 60_000);

/** So many of each alert that something is due of. */
async function claim(each = 100, now = soon()): Promise<readonly DueDelivery[]> {
  const alerts = await store.dueAlerts(now);
  return store.claim(new Map(alerts.map((alert) => [alert, each])), { now, until: later() });
}

it('is written with the matches of alerts that have a webhook', async () => {
  const alert = await putAlert(database.pool, { name: 'a', webhook });
  await raise(await putAlert(database.pool, { name: 'quiet' }), 3);
  await raise(alert, 2);
  const due = await claim();
  expect(due).toHaveLength(2);
  expect(due[0]).toMatchObject({
    alert: alert.id,
    alertName: 'a',
    account: ONE,
    state: 'PENDING',
    attempts: 1,
    webhook,
  });
  expect(await store.counts()).toEqual({ pending: 2, dead: 0 });
});

it('is claimed by one of many at a time, and by another when the first is lost', async () => {
  await raise(await putAlert(database.pool, { name: 'a', webhook }), 200);
  const claims = await Promise.all(Array.from({ length: 8 }, () => claim(30)));
  const ids = claims.flat().map(({ id }) => id);
  expect(ids).toHaveLength(200);
  expect(new Set(ids).size).toBe(200);
  expect(await claim()).toEqual([]);
  const [again] = await claim(1, later());
  const first = claims.flat().find(({ id }) => id === again?.id);
  expect(again?.attempts).toBe(2);
  // The one that was taken for lost is not heard any more.
  expect(first && (await store.delivered(first, new Date(), 200))).toBe(false);
  expect(again && (await store.delivered(again, new Date(), 200))).toBe(true);
});

it('is claimed only as much as is allowed of each alert, and those that wait longest are named first', async () => {
  const busy = await putAlert(database.pool, { name: 'busy', webhook });
  await raise(busy, 50);
  const other = await putAlert(database.pool, { name: 'other', webhook });
  await raise(other, 1);
  expect(await store.dueAlerts(soon())).toEqual([busy.id, other.id]);
  const window = { now: soon(), until: later() };
  const due = await store.claim(
    new Map([
      [busy.id, 5],
      [other.id, 5],
    ]),
    window,
  );
  expect(due.map(({ alertName }) => alertName).toSorted()).toEqual([
    ...Array.from({ length: 5 }, () => 'busy'),
    'other',
  ]);
  expect(await store.dueAlerts(soon())).toEqual([busy.id]);
  expect(await store.claim(new Map([[other.id, 5]]), window)).toEqual([]);
});

it('that was not sent after all is due again, and nothing is counted', async () => {
  await raise(await putAlert(database.pool, { name: 'a', webhook }), 2);
  const [first, second] = await claim();
  if (first === undefined || second === undefined) throw new Error('Nothing is due.');
  expect(await store.release(first, new Date())).toBe(true);
  expect(await store.release(first, new Date())).toBe(true);
  const [again] = await claim();
  expect(again).toMatchObject({ id: first.id, attempts: 1, claims: 2 });
  expect(await store.release(first, new Date())).toBe(false);
  await store.remove(second);
  expect(await store.counts()).toEqual({ pending: 1, dead: 0 });
});

it('is tried again when its time has come, and is dead when it is given up', async () => {
  await raise(await putAlert(database.pool, { name: 'a', webhook }), 1);
  const [first] = await claim();
  if (first === undefined) throw new Error('Nothing is due.');
  await store.failed(first, later(), { error: 'HTTP 503 \0', status: 503 });
  expect(await claim()).toEqual([]);
  const [second] = await claim(1, later());
  expect(second).toMatchObject({ attempts: 2, lastError: 'HTTP 503  ', lastStatus: 503 });
  expect(await store.dead(first, { error: 'late' })).toBe(false);
  expect(second && (await store.dead(second, { error: 'HTTP 410', status: 410 }))).toBe(true);
  expect(await store.counts()).toEqual({ pending: 0, dead: 1 });
});

it('can be sent again by those who cover the alert’s accounts, and starts afresh', async () => {
  const alert = await putAlert(database.pool, { name: 'a', webhook, scope: [ONE] });
  await raise(alert, 3);
  for (const due of await claim()) await store.dead(due, { error: 'gone' });
  const page = { direction: 'forward', cursor: undefined, limit: 10 } as const;
  const deadOf = { alert: alert.id, state: 'DEAD' } as const;
  const dead = await store.list(deadOf, page);
  expect(dead).toHaveLength(3);
  const ids = dead.map(({ id }) => id);
  expect(await store.sendAgain(ids, [TWO], new Date())).toEqual([]);
  expect(await store.sendAgain(ids.slice(0, 2), 'ALL', new Date())).toHaveLength(2);
  expect(await store.sendAgain(ids.slice(0, 2), 'ALL', new Date())).toEqual([]);
  expect((await claim()).map(({ attempts }) => attempts)).toEqual([1, 1]);
  const rest = await store.list(deadOf, page);
  expect(await store.list({ alert: alert.id, state: undefined }, page)).toHaveLength(3);
  expect(rest.map(({ id }) => id)).toEqual(ids.slice(2));
});

it('is dead with its webhook', async () => {
  const { id: alert } = await putAlert(database.pool, { name: 'a', webhook });
  await raise(await putAlert(database.pool, { name: 'a', webhook }), 2);
  await putAlert(database.pool, { name: 'a', webhook: undefined });
  expect(await claim()).toEqual([]);
  expect(await store.counts()).toEqual({ pending: 0, dead: 2 });
  const dead = await store.list(
    { alert, state: 'DEAD' },
    { direction: 'forward', cursor: undefined, limit: 9 },
  );
  expect(dead.map(({ lastError }) => lastError)).toEqual([
    'The webhook was removed.',
    'The webhook was removed.',
  ]);
  const ids = dead.map(({ id }) => id);
  expect(await store.sendAgain(ids, 'ALL', new Date())).toEqual([]);
  expect(await store.sendAllAgain(alert, new Date())).toBe(0);
  await putAlert(database.pool, { name: 'a', webhook });
  expect(await store.sendAllAgain(alert, new Date())).toBe(2);
  expect(await store.counts()).toEqual({ pending: 2, dead: 0 });
});
