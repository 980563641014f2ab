import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MATCH_DAYS, MAX_MATCHES_PER_ALERT } from '#domain/alerts';
import type { Place } from '#journal/types';
import { AlertsProjection } from '#projections/alerts/alerts-projection';
import { askedJournal } from '#projections/alerts/asked-journal';
import { MatchStore } from '#projections/alerts/matches/store';
import { AlertStore } from '#projections/alerts/store';
import { ArrayJournal } from '#test/array-journal';
import { matchesIn, putAlert } from '#test/alerts-bed';
import { createTestDatabase, type TestDatabase } from '#test/harness';

const ONE = '111111111111';
const TWO = '222222222222';
const webhook = { url: 'https://example.org/', secret: Buffer.alloc(32) };
const DAY = 86_400_000;

let database: TestDatabase;
let journal: ArrayJournal;
let projection: AlertsProjection;
let now: number;
let rung: number;
let number: number;

beforeEach(async () => {
  database = await createTestDatabase();
  journal = new ArrayJournal();
  now = journal.now;
  [rung, number] = [0, 0];
  projection = open();
  await projection.init();
});
afterEach(() => database.drop());

function open(): AlertsProjection {
  return new AlertsProjection({
    store: new MatchStore(database.pool),
    ring: () => (rung += 1),
    now: () => now,
  });
}

/** An event of the account that is received so many seconds after the start. */
function event(account: string, second: number, eventName = 'PutObject'): void {
  number += 1;
  journal.now = now + second * 1_000;
  journal.add({ account, eventId: `e${number}`, eventTime: 0, record: { eventName } });
}

async function project(limit = 1_000): Promise<void> {
  for (let behind = 1; behind > 0;) {
    const slice = await journal.read(await projection.cursor(), limit);
    await projection.write(slice);
    ({ behind } = slice);
  }
}

/** `<alert> <position> +<held back>`, in the order of the journal. */
async function raised(): Promise<string[]> {
  const rows = await matchesIn(database.pool);
  return rows.map(({ alert, place, suppressed }) => `${alert} ${place.slice(2)} +${suppressed}`);
}

async function deliveries(): Promise<number> {
  const { rowCount } = await database.pool.query('SELECT 1 FROM alert_delivery');
  return rowCount ?? 0;
}

describe('A throttle', () => {
  it('holds back further matches of the same account for its seconds, and counts them', async () => {
    await putAlert(database.pool, { name: 'a', throttleSeconds: 60, webhook });
    for (const second of [0, 1, 59]) event(ONE, second);
    event(TWO, 59);
    for (const second of [60, 119, 130]) event(ONE, second);
    await project();
    expect(await raised()).toEqual(['a 0 +2', 'a 3 +0', 'a 4 +1', 'a 6 +0']);
    const [first] = await matchesIn(database.pool);
    expect(first?.last).toEqual(new Date(now + 59_000));
    // What is held back is not sent either.
    expect(await deliveries()).toBe(4);
  });

  it('comes to the same whatever the slices, and counts nothing twice', async () => {
    await putAlert(database.pool, { name: 'a', throttleSeconds: 10 });
    for (let second = 0; second < 40; second += 1) event(second % 3 === 0 ? TWO : ONE, second);
    await project(1_000);
    const want = await matchesIn(database.pool);
    expect(want.some(({ suppressed }) => Number(suppressed) > 3)).toBe(true);
    for (const limit of [1, 7]) {
      await projection.reset();
      const first = await journal.read(await projection.cursor(), limit);
      await projection.write(first);
      await projection.write(first);
      // Another process takes over and is given the slice once more.
      projection = open();
      await projection.init();
      await projection.write(first);
      await project(limit);
      expect(await matchesIn(database.pool)).toEqual(want);
    }
  });

  it('begins anew when what it counted on was erased', async () => {
    await putAlert(database.pool, { name: 'a', throttleSeconds: 60 });
    event(ONE, 0);
    await project();
    journal.erase({ account: ONE, before: undefined });
    await projection.erase({ account: ONE, before: undefined });
    event(ONE, 5);
    await project();
    expect(await raised()).toEqual(['a 1 +0']);
  });
});

describe('An alert', () => {
  it('concerns events from its creation on, and from the last change of its filter on', async () => {
    event(ONE, 0);
    await project();
    await putAlert(database.pool, { name: 'a', head: await journal.head() });
    event(ONE, 1);
    event(ONE, 2, 'GetObject');
    await project();
    expect(await raised()).toEqual(['a 1 +0', 'a 2 +0']);
    event(ONE, 3);
    // Not yet looked at when the filter changes: they were recorded before.
    await putAlert(database.pool, {
      name: 'a',
      filter: '{"eventName":{"equals":"GetObject"}}',
      head: await journal.head(),
    });
    event(ONE, 4);
    event(ONE, 5, 'GetObject');
    await project();
    expect(await raised()).toEqual(['a 1 +0', 'a 2 +0', 'a 5 +0']);
  });

  it('goes on where it was when only other things than its filter change', async () => {
    await putAlert(database.pool, { name: 'a' });
    event(ONE, 0);
    await putAlert(database.pool, { name: 'a', description: 'new', head: await journal.head() });
    await project();
    expect(await raised()).toEqual(['a 0 +0']);
  });

  it('never concerns what the projection had passed when it was put, whatever the head was then', async () => {
    event(ONE, 0);
    event(ONE, 1);
    await project();
    const alert = await putAlert(database.pool, { name: 'a', head: { epoch: 0, position: 0 } });
    expect(alert.from).toEqual({ epoch: 0, position: 2 });
    await projection.reset();
    await project();
    expect(await raised()).toEqual([]);
  });

  it('is asked of events of its accounts only, and no more when it is deleted', async () => {
    const alert = await putAlert(database.pool, { name: 'a', scope: [TWO], webhook });
    event(ONE, 0);
    event(TWO, 1);
    await project();
    expect(await raised()).toEqual(['a 1 +0']);
    expect(rung).toBe(1);
    expect(await new AlertStore(database.pool).delete(alert.id)).toBe(true);
    event(TWO, 2);
    await project();
    expect(await raised()).toEqual([]);
    expect(await deliveries()).toBe(0);
    expect(rung).toBe(1);
  });

  it('keeps its newest matches, and counts what it drops', async () => {
    await putAlert(database.pool, { name: 'a', webhook });
    for (let index = 0; index < MAX_MATCHES_PER_ALERT + 30; index += 1) event(ONE, 0);
    await project(4_000);
    const { rows } = await database.pool.query<Record<string, string>>(
      `SELECT (SELECT min(position) FROM alert_match) AS oldest, (SELECT count(*) FROM alert_match) AS matches,
         (SELECT count(*) FROM alert_delivery) AS deliveries, raised, dropped FROM alert`,
    );
    expect(rows).toEqual([
      {
        oldest: '30',
        matches: String(MAX_MATCHES_PER_ALERT),
        deliveries: String(MAX_MATCHES_PER_ALERT),
        raised: String(MAX_MATCHES_PER_ALERT + 30),
        dropped: '30',
      },
    ]);
  });

  it('forgets matches after their days, and does not find them anew', async () => {
    await putAlert(database.pool, { name: 'a', webhook });
    event(ONE, 0);
    event(ONE, 2 * 86_400);
    await project();
    now += MATCH_DAYS * DAY + 1;
    await projection.tidy();
    expect(await raised()).toEqual(['a 1 +0']);
    expect(await deliveries()).toBe(1);
    await projection.reset();
    await project();
    expect(await raised()).toEqual(['a 1 +0']);
  });
});

describe('The journal as alerts read it', () => {
  it('is not read while there are no alerts, and from the first one on nothing is passed over', async () => {
    let reads = 0;
    const counted = {
      head: () => journal.head(),
      read: (from: Place, limit: number) => {
        reads += 1;
        return journal.read(from, limit);
      },
    };
    const asked = askedJournal(counted, new MatchStore(database.pool));
    const step = async (): Promise<void> =>
      projection.write(await asked.read(await projection.cursor(), 1_000));
    event(ONE, 0);
    event(ONE, 1);
    await step();
    expect(await projection.cursor()).toEqual({ epoch: 0, position: 2 });
    event(ONE, 2);
    await putAlert(database.pool, { name: 'a', head: await journal.head() });
    event(ONE, 3);
    await step();
    expect(await raised()).toEqual(['a 3 +0']);
    expect(reads).toBe(1);
  });
});

describe('What is found anew', () => {
  it('is sent to no webhook again, nor for the first time to one that was set since', async () => {
    await putAlert(database.pool, { name: 'a', webhook });
    await putAlert(database.pool, { name: 'b' });
    for (const second of [0, 1, 2]) event(ONE, second);
    await project();
    expect(await deliveries()).toBe(3);
    await database.pool.query(`DELETE FROM alert_delivery WHERE position = 0`);
    await putAlert(database.pool, { name: 'b', webhook });
    await projection.reset();
    await project(2);
    expect(await raised()).toHaveLength(6);
    expect(await deliveries()).toBe(2);
    event(ONE, 3);
    await project();
    expect(await deliveries()).toBe(4);
  });
});

describe('What was read before an erasure', () => {
  it('is not written after it, in whatever process that was', async () => {
    await putAlert(database.pool, { name: 'a', webhook });
    event(ONE, 0);
    event(TWO, 1);
    const slice = await journal.read(await projection.cursor(), 10);
    journal.erase({ account: ONE, before: undefined });
    await new MatchStore(database.pool).erase({ account: ONE, before: undefined });
    await expect(projection.write(slice)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await raised()).toEqual([]);
    await project();
    expect(await raised()).toEqual(['a 1 +0']);
    expect(await deliveries()).toBe(1);
  });

  it('nor what was read before another began anew', async () => {
    await putAlert(database.pool, { name: 'a' });
    event(ONE, 0);
    await project();
    event(ONE, 1);
    const slice = await journal.read(await projection.cursor(), 10);
    const other = open();
    await other.init();
    await other.reset();
    await expect(projection.write(slice)).rejects.toMatchObject({ name: 'TakenOver' });
    await projection.init();
    await project();
    expect(await raised()).toEqual(['a 0 +0', 'a 1 +0']);
  });
});
