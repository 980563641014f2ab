import { MAX_MATCHES_PER_ALERT } from '#domain/alerts';
import { isBefore } from '#journal/place';
import type { ErasureScope, Place } from '#journal/types';
import { inTransaction } from '#platform/db';
import type { Pool, PoolClient } from '#platform/db';
import type { AlertRow } from '#projections/alerts/alert-row';
import { toAlert, toPlace, type AlertRecord, type PlaceRecord } from '#projections/alerts/rows';
import type { Found, LastRaised, NewMatch } from '#projections/alerts/tally';

/** Rows deleted by one statement: it must end before statements are given up. */
const BATCH = 50_000;

/** Where the projection is, and how many erasures there were: what was read before one must not be written after it. */
export interface Standing {
  readonly cursor: Place;
  readonly erasures: string;
}

/** What is known under the lock of the cursor. */
export interface Turn extends Standing {
  /** Changes whenever an alert does. */
  readonly revision: string;
  alerts(): Promise<readonly AlertRow[]>;
  /** The newest match of each pair of an alert and an account. */
  lastRaised(
    pairs: readonly { readonly alert: string; readonly account: string }[],
  ): Promise<readonly LastRaised[]>;
}

/** The tables alert_match, alert_cursor and the new rows of alert_delivery: what the projection writes. */
export class MatchStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async hasAlerts(): Promise<boolean> {
    const { rows } = await this.#pool.query('SELECT FROM alert LIMIT 1');
    return rows.length > 0;
  }

  async standing(): Promise<Standing> {
    return toState(await this.#pool.query<CursorRecord>('SELECT * FROM alert_cursor'));
  }

  /**
   * Moves the cursor to `next` with all that `find` has found, both or neither; nothing when the cursor is there
   * already. No alert changes meanwhile. Gives how many matches were raised.
   */
  async advance(next: Place, find: (turn: Turn) => Promise<Found>): Promise<number> {
    return inTransaction(this.#pool, async (client) => {
      const { told, ...state } = await lock(client);
      if (!isBefore(state.cursor, next)) return 0;
      const found = await find({
        ...state,
        alerts: () => alerts(client),
        lastRaised: (pairs) => lastRaised(client, pairs),
      });
      if (found.raised.length > 0) await raise(client, found.raised, told);
      if (found.held.length > 0) await holdBack(client, found);
      const end = isBefore(told, next) ? next : told;
      await client.query(
        'UPDATE alert_cursor SET epoch = $1, position = $2, told_epoch = $3, told_position = $4',
        [next.epoch, next.position, end.epoch, end.position],
      );
      return found.raised.length;
    });
  }

  /** In any process: whoever moves the projection will notice. Nothing of the scope can be written afterwards. */
  async erase({ account, before }: ErasureScope): Promise<void> {
    await this.#pool.query('UPDATE alert_cursor SET erasures = erasures + 1');
    for (const table of ['alert_match', 'alert_delivery']) {
      await this.#deleteAll(table, 'account = $1 AND ($2::bigint IS NULL OR event_time < $2)', [
        account,
        before ?? null,
      ]);
    }
  }

  /** Forgets the matches of events that were recorded before. */
  async prune(before: Date): Promise<void> {
    for (const table of ['alert_match', 'alert_delivery']) {
      await this.#deleteAll(table, 'received_at < $1', [before]);
    }
  }

  /**
   * All matches are gone and the cursor is at the first position. Deliveries stay, and how far they have come: what
   * was sent to a webhook is not sent again.
   */
  async reset(): Promise<void> {
    await inTransaction(this.#pool, async (client) => {
      await lock(client);
      await deleteAll(client, 'alert_match', 'true', []);
      await client.query('UPDATE alert SET raised = 0, dropped = 0');
      await client.query('UPDATE alert_cursor SET epoch = 0, position = 0');
    });
  }

  async #deleteAll(table: string, which: string, values: readonly unknown[]): Promise<void> {
    await deleteAll(this.#pool, table, which, values);
  }
}

interface CursorRecord extends PlaceRecord {
  readonly told_epoch: number;
  readonly told_position: string;
  readonly revision: string;
  readonly erasures: string;
}

/** What the row of the cursor says. */
interface State extends Standing {
  /** The furthest that the projection has ever come: before it everything was told to webhooks. */
  readonly told: Place;
  readonly revision: string;
}

async function lock(client: PoolClient): Promise<State> {
  return toState(await client.query<CursorRecord>('SELECT * FROM alert_cursor FOR UPDATE'));
}

function toState({ rows }: { readonly rows: readonly CursorRecord[] }): State {
  const [row] = rows;
  if (row === undefined) throw new Error('The projection of alerts has no cursor.');
  const told = toPlace({ epoch: row.told_epoch, position: row.told_position });
  return { cursor: toPlace(row), told, revision: row.revision, erasures: row.erasures };
}

async function alerts(client: PoolClient): Promise<readonly AlertRow[]> {
  const { rows } = await client.query<AlertRecord>('SELECT * FROM alert');
  return rows.map(toAlert);
}

async function lastRaised(
  client: PoolClient,
  pairs: readonly { readonly alert: string; readonly account: string }[],
): Promise<readonly LastRaised[]> {
  const { rows } = await client.query<
    PlaceRecord & { readonly alert: string; readonly account: string; readonly received_at: Date }
  >(
    `SELECT m.* FROM unnest($1::uuid[], $2::text[]) AS pair (alert, account) CROSS JOIN LATERAL (
       SELECT alert, account, epoch, position, received_at FROM alert_match
       WHERE alert = pair.alert AND account = pair.account ORDER BY epoch DESC, position DESC LIMIT 1
     ) AS m`,
    [pairs.map(({ alert }) => alert), pairs.map(({ account }) => account)],
  );
  return rows.map((row) => ({
    alert: row.alert,
    account: row.account,
    place: toPlace(row),
    receivedAt: row.received_at.getTime(),
  }));
}

async function raise(client: PoolClient, raised: readonly NewMatch[], told: Place): Promise<void> {
  const numbers = await numbersOf(client, raised);
  const columns = [
    raised.map(({ alert }) => alert),
    raised.map(({ place }) => place.epoch),
    raised.map(({ place }) => place.position),
    raised.map(({ account }) => account),
    raised.map(({ eventTime }) => eventTime),
    raised.map(({ receivedAt }) => new Date(receivedAt)),
  ];
  await client.query(
    `INSERT INTO alert_match (alert, epoch, position, account, event_time, received_at, number, suppressed,
       last_suppressed_at, matched_at)
     SELECT *, date_trunc('milliseconds', now()) FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::text[],
       $5::bigint[], $6::timestamptz[], $7::bigint[], $8::bigint[], $9::timestamptz[])`,
    [
      ...columns,
      numbers,
      raised.map(({ suppressed }) => suppressed),
      raised.map(({ lastSuppressed }) => (lastSuppressed === undefined ? null : new Date(lastSuppressed))),
    ],
  );
  await client.query(
    `INSERT INTO alert_delivery (id, alert, epoch, position, account, event_time, received_at, next_attempt_at,
       created_at)
     SELECT gen_random_uuid(), m.*, now, now
     FROM date_trunc('milliseconds', now()) AS now, unnest($1::uuid[], $2::integer[], $3::bigint[], $4::text[],
       $5::bigint[], $6::timestamptz[]) AS m (alert, epoch, position, account, event_time, received_at)
     JOIN alert AS a ON a.id = m.alert
     WHERE a.webhook_url IS NOT NULL AND (m.epoch, m.position) >= ($7, $8::bigint)`,
    [...columns, told.epoch, told.position],
  );
  await dropOldest(client, [...new Set(raised.map(({ alert }) => alert))]);
}

/** Matches of an alert are numbered, so that the oldest are found without counting. */
async function numbersOf(client: PoolClient, raised: readonly NewMatch[]): Promise<readonly number[]> {
  const counts = new Map<string, number>();
  for (const { alert } of raised) counts.set(alert, (counts.get(alert) ?? 0) + 1);
  const { rows } = await client.query<{ readonly id: string; readonly before: string }>(
    `UPDATE alert SET raised = raised + c.count FROM unnest($1::uuid[], $2::bigint[]) AS c (id, count)
     WHERE alert.id = c.id RETURNING alert.id, alert.raised - c.count AS before`,
    [[...counts.keys()], [...counts.values()]],
  );
  const numbers = new Map(rows.map(({ id, before }) => [id, Number(before)]));
  return raised.map(({ alert }) => {
    const number = (numbers.get(alert) ?? 0) + 1;
    numbers.set(alert, number);
    return number;
  });
}

async function dropOldest(client: PoolClient, ids: readonly string[]): Promise<void> {
  await client.query(
    `WITH gone AS (
       DELETE FROM alert_match AS m USING alert AS a
       WHERE a.id = ANY ($1::uuid[]) AND m.alert = a.id AND m.number <= a.raised - $2
       RETURNING m.alert, m.epoch, m.position
     ), unsent AS (
       DELETE FROM alert_delivery AS d USING gone
       WHERE d.alert = gone.alert AND d.epoch = gone.epoch AND d.position = gone.position
     )
     UPDATE alert SET dropped = dropped + g.count
     FROM (SELECT alert, count(*) AS count FROM gone GROUP BY alert) AS g WHERE alert.id = g.alert`,
    [ids, MAX_MATCHES_PER_ALERT],
  );
}

async function holdBack(client: PoolClient, { held }: Found): Promise<void> {
  await client.query(
    `UPDATE alert_match AS m SET suppressed = suppressed + h.count, last_suppressed_at = h.last
     FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::bigint[], $5::timestamptz[])
       AS h (alert, epoch, position, count, last)
     WHERE m.alert = h.alert AND m.epoch = h.epoch AND m.position = h.position`,
    [
      held.map(({ alert }) => alert),
      held.map(({ place }) => place.epoch),
      held.map(({ place }) => place.position),
      held.map(({ suppressed }) => suppressed),
      held.map(({ lastSuppressed }) => new Date(lastSuppressed)),
    ],
  );
}

async function deleteAll(
  client: Pick<Pool, 'query'>,
  table: string,
  which: string,
  values: readonly unknown[],
): Promise<void> {
  for (let deleted = BATCH; deleted === BATCH;) {
    const { rowCount } = await client.query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM ${table} WHERE ${which} LIMIT ${BATCH}))`,
      [...values],
    );
    deleted = rowCount ?? 0;
  }
}
