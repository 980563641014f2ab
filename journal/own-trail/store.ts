import type { JsonObject } from '#domain/event';
import type { OwnEvent } from '#domain/own-events';
import type { Pool, PoolClient } from '#platform/db';

/** An event that is ready, in the order in which they became so. */
export interface ReadyEvent extends OwnEvent {
  readonly id: string;
  readonly bytes: number;
}

export interface Waiting {
  readonly events: number;
  /** Milliseconds since the oldest became ready; 0 when none waits. */
  readonly oldestMs: number;
}

/** What one drain may do while no other does. */
export interface Turn {
  /** Makes those ready whose process said nothing more: their records say that the outcome is not known. */
  giveUp(olderThanMs: number): Promise<number>;
  /** At most `limit`, and no more than about `bytes` of records. */
  ready(limit: number, bytes: number): Promise<readonly ReadyEvent[]>;
  remove(ids: readonly string[]): Promise<void>;
}

/** Rows at most: beyond it nothing may be done that would have to be recorded. */
const MAX_ROWS = 20_000;
/** Held by the one drain that is at work, for as long as its transaction: 'cown' in ASCII. */
const LOCK = 0x636f_776e;

/** An account that does not exist (yet) has no trail: the installation's stands in where none is left. */
const EXISTING = 'ARRAY(SELECT a.id FROM account AS a WHERE a.id = ANY ($2::text[]) ORDER BY a.id)';
const HAS_ROOM = `(SELECT count(*) FROM (SELECT 1 FROM own_event LIMIT ${MAX_ROWS}) AS known) < ${MAX_ROWS}`;

const BEGIN = `
  INSERT INTO own_event (id, state, accounts, event_time, record)
  SELECT $1::uuid, 'BEGUN', ${EXISTING}, $3::bigint, $4::text WHERE ${HAS_ROOM}`;
const ADD = `
  INSERT INTO own_event (id, state, number, accounts, event_time, record, ready_at)
  SELECT $1::uuid, 'READY', nextval('own_event_number'), ${EXISTING}, $3::bigint, $4::text, now()
  WHERE ${HAS_ROOM}`;
const COMPLETE = `
  UPDATE own_event SET state = 'READY', number = nextval('own_event_number'), accounts = ${EXISTING},
    event_time = $3::bigint, record = $4::text, ready_at = now()
  WHERE id = $1::uuid AND state = 'BEGUN'`;
const GIVE_UP = `
  UPDATE own_event SET state = 'READY', number = nextval('own_event_number'), ready_at = now()
  WHERE state = 'BEGUN' AND begun_at < now() - $1 * interval '1 millisecond'`;
const READY = `
  SELECT id, accounts, event_time, record FROM (
    SELECT *, sum(octet_length(record)) OVER (ORDER BY number) - octet_length(record) AS before
    FROM (SELECT * FROM own_event WHERE state = 'READY' ORDER BY number LIMIT $1) AS next
  ) AS sized WHERE before < $2 ORDER BY number`;
const WAITING = `
  SELECT count(*)::int AS events,
    coalesce(extract(epoch FROM now() - min(ready_at)) * 1000, 0)::float8 AS oldest_ms
  FROM own_event WHERE state = 'READY'`;

interface ReadyRow {
  readonly id: string;
  readonly accounts: string[];
  readonly event_time: string;
  readonly record: string;
}

/** The table own_event: durable as soon as a statement has answered, in the order of `number`. */
export class OwnEventStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** False when too many wait. */
  begin(id: string, event: OwnEvent): Promise<boolean> {
    return this.#write(BEGIN, id, event);
  }

  /** False when too many wait. */
  add(id: string, event: OwnEvent): Promise<boolean> {
    return this.#write(ADD, id, event);
  }

  /** False when it was given up meanwhile. */
  complete(id: string, event: OwnEvent): Promise<boolean> {
    return this.#write(COMPLETE, id, event);
  }

  /** For what has not happened. */
  async withdraw(id: string): Promise<void> {
    await this.#pool.query(`DELETE FROM own_event WHERE id = $1 AND state = 'BEGUN'`, [id]);
  }

  async waiting(): Promise<Waiting> {
    const { rows } = await this.#pool.query<{ events: number; oldest_ms: number }>(WAITING);
    return { events: rows[0]?.events ?? 0, oldestMs: rows[0]?.oldest_ms ?? 0 };
  }

  /** Undefined when another drain is at work. What the work throws undoes what it did here. */
  async inTurn<T>(work: (turn: Turn) => Promise<T>): Promise<T | undefined> {
    const client = await this.#pool.connect();
    let broken = false;
    try {
      await client.query('BEGIN');
      const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS mine', [
        LOCK,
      ]);
      const done = rows[0]?.mine === true ? await work(turnOf(client)) : undefined;
      await client.query('COMMIT');
      return done;
    } catch (error) {
      broken = true;
      throw error;
    } finally {
      // Its transaction ends with the connection, and with it the turn.
      client.release(broken);
    }
  }

  async #write(text: string, id: string, { accounts, eventTime, record }: OwnEvent): Promise<boolean> {
    const values = [id, accounts, eventTime, JSON.stringify(record)];
    const { rowCount } = await this.#pool.query(text, values);
    return rowCount === 1;
  }
}

function turnOf(client: PoolClient): Turn {
  return {
    async giveUp(olderThanMs) {
      return (await client.query(GIVE_UP, [olderThanMs])).rowCount ?? 0;
    },
    async ready(limit, bytes) {
      const { rows } = await client.query<ReadyRow>(READY, [limit, bytes]);
      return rows.map(readRow);
    },
    async remove(ids) {
      await client.query('DELETE FROM own_event WHERE id = ANY ($1::uuid[])', [ids]);
    },
  };
}

function readRow({ id, accounts, event_time, record }: ReadyRow): ReadyEvent {
  const parsed: JsonObject = JSON.parse(record);
  return { id, accounts, eventTime: Number(event_time), record: parsed, bytes: Buffer.byteLength(record) };
}
