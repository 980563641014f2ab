import type { LedgerLine } from '#journal/format/batch';
import { decodeRecord } from '#journal/format/record';
import { int8Array } from '#journal/store/binary-array';
import type { Pool, PoolClient } from '#platform/db';

/** Held by whoever writes records: one at a time, over all processes. */
const SEAL_LOCK = 0x7365_616c;
/** A TRUNCATE waits for the readers of the tail; those behind it must not wait for long. */
const LOCK_TIMEOUT_MS = 5_000;

export type TailTable = 0 | 1;

/** The head as a sealer needs it. */
export interface SealHead {
  readonly log: Buffer;
  readonly epoch: number;
  readonly position: number;
  readonly chain: Buffer;
  readonly receivedAt: number;
  readonly tail: TailTable;
}

export interface TailSize {
  readonly batches: number;
  readonly bytes: number;
  /** Of the oldest batch, milliseconds since 1970; 0 when there is none. */
  readonly receivedAt: number;
}

export interface TailRow {
  readonly number: number;
  readonly first: number;
  readonly receivedAt: number;
  readonly chain: Buffer;
  readonly payload: Buffer;
}

/** A record's row. */
export interface RecordRow {
  readonly sequence: number;
  readonly epoch: number;
  readonly type: number;
  readonly record: Buffer;
  readonly leaf: Buffer;
  /** Of a segment. */
  readonly first?: number;
  readonly count?: number;
  /** Of the object. */
  readonly bytes: number;
}

/** What becomes true together with a record. */
export interface RecordEffects {
  /** Sealed ledgers, added to the counters. */
  readonly ledgers?: readonly LedgerLine[];
  /** Rows of this tail table up to `through` are sealed; all of them when `whole`. */
  readonly sealed?: { readonly table: TailTable; readonly through: number; readonly whole: boolean };
  /** The erasure that has its record now. */
  readonly erasure?: { readonly account: number; readonly before: number; readonly upTo: number };
  /** More statements of the same transaction. */
  readonly also?: (client: PoolClient) => Promise<void>;
}

export interface TailState {
  /** Of the table that does not grow: what a crash left. */
  readonly left: boolean;
  readonly size: TailSize;
  /** Of the newest record, 0 when there is none. */
  readonly recordedAt: number;
}

/** What there is to seal, without the lock. */
export async function tailState(pool: Pool): Promise<TailState> {
  const { rows } = await pool.query<{
    left: boolean;
    batches: string;
    bytes: string;
    at: string;
    record: Buffer | null;
  }>(
    `WITH rows AS (
       SELECT 0 AS tail, received_at, octet_length(payload) AS bytes FROM journal_tail_0
       UNION ALL SELECT 1, received_at, octet_length(payload) FROM journal_tail_1
     )
     SELECT coalesce(bool_or(rows.tail <> log.tail), false) AS left, count(rows.tail) AS batches,
       coalesce(sum(bytes), 0) AS bytes, coalesce(min(rows.received_at), 0) AS at,
       (SELECT record FROM journal_record ORDER BY sequence DESC LIMIT 1) AS record
     FROM journal_log AS log LEFT JOIN rows ON true`,
  );
  const [row] = rows;
  const size = { batches: Number(row?.batches), bytes: Number(row?.bytes), receivedAt: Number(row?.at) };
  const record = row?.record ?? undefined;
  const recordedAt = record === undefined ? 0 : decodeRecord(record).time;
  return { left: row?.left ?? false, size, recordedAt };
}

/** One connection that holds the right to write records, until it is closed. */
export class SealSession implements AsyncDisposable {
  readonly client: PoolClient;

  private constructor(client: PoolClient) {
    this.client = client;
  }

  /** Waits for other writers, or returns undefined when `wait` is false and there is one. */
  static async open(pool: Pool, wait: boolean): Promise<SealSession | undefined> {
    const client = await pool.connect();
    try {
      await client.query(`SET statement_timeout = 0; SET lock_timeout = 0; SET synchronous_commit = on`);
      const call = wait ? 'pg_advisory_lock($1) IS NULL' : 'pg_try_advisory_lock($1)';
      const { rows } = await client.query<{ held: boolean }>(`SELECT ${call} AS held`, [SEAL_LOCK]);
      await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
      if (wait || rows[0]?.held === true) return new SealSession(client);
    } catch (error) {
      client.release(true);
      throw error;
    }
    client.release(true);
    return undefined;
  }

  /** Ends the connection and with it the lock, whatever state it is in. */
  [Symbol.asyncDispose](): Promise<void> {
    this.client.release(true);
    return Promise.resolve();
  }

  async head(): Promise<SealHead | undefined> {
    const { rows } = await this.client.query<{
      log: Buffer;
      epoch: number;
      position: string;
      chain: Buffer;
      received_at: string;
      tail: number;
    }>('SELECT uuid_send(log) AS log, epoch, position, chain, received_at, tail FROM journal_log');
    const [row] = rows;
    if (row === undefined) return undefined;
    const tail = row.tail === 0 ? 0 : 1;
    return { ...row, position: Number(row.position), receivedAt: Number(row.received_at), tail };
  }

  /** The newest record, and the newest segment's. */
  async newest(): Promise<{ readonly last: Buffer | undefined; readonly segment: Buffer | undefined }> {
    const { rows } = await this.client.query<{ last: Buffer | null; segment: Buffer | null }>(
      `SELECT (SELECT record FROM journal_record ORDER BY sequence DESC LIMIT 1) AS last,
        (SELECT record FROM journal_record WHERE type = 1 ORDER BY sequence DESC LIMIT 1) AS segment`,
    );
    return { last: rows[0]?.last ?? undefined, segment: rows[0]?.segment ?? undefined };
  }

  /** The newest record that names a signing key. */
  async newestKey(): Promise<Buffer | undefined> {
    const { rows } = await this.client.query<{ record: Buffer }>(
      'SELECT record FROM journal_record WHERE type = 4 ORDER BY sequence DESC LIMIT 1',
    );
    return rows[0]?.record;
  }

  /** Records from `sequence` on, at most 1,000. */
  async recordsFrom(sequence: number): Promise<readonly { record: Buffer; leaf: Buffer }[]> {
    const { rows } = await this.client.query<{ record: Buffer; leaf: Buffer }>(
      'SELECT record, leaf FROM journal_record WHERE sequence >= $1 ORDER BY sequence LIMIT 1000',
      [sequence],
    );
    return rows;
  }

  /** How many records there are. */
  async recordCount(): Promise<number> {
    const { rows } = await this.client.query<{ sequence: string }>(
      'SELECT sequence FROM journal_record ORDER BY sequence DESC LIMIT 1',
    );
    return rows[0] === undefined ? 0 : Number(rows[0].sequence) + 1;
  }

  /** All records that name a signing key, oldest first. */
  async keyRecords(): Promise<readonly Buffer[]> {
    const { rows } = await this.client.query<{ record: Buffer }>(
      'SELECT record FROM journal_record WHERE type = 4 ORDER BY sequence',
    );
    return rows.map(({ record }) => record);
  }

  async tailSize(table: TailTable): Promise<TailSize> {
    const { rows } = await this.client.query<{ batches: string; bytes: string; received_at: string }>(
      `SELECT count(*) AS batches, coalesce(sum(octet_length(payload)), 0) AS bytes,
        coalesce(min(received_at), 0) AS received_at FROM journal_tail_${table}`,
    );
    const [row] = rows;
    return {
      batches: Number(row?.batches),
      bytes: Number(row?.bytes),
      receivedAt: Number(row?.received_at),
    };
  }

  /** Lets new batches go to the other table, which must be empty. Waits for the commits under way. */
  async flip(): Promise<void> {
    await this.client.query('UPDATE journal_log SET tail = 1 - tail');
  }

  /**
   * Rows that follow number `after`: as many as `maxBytes` hold, one at least; and whether they are the last.
   * The table must be the one that does not grow.
   */
  async tailRows(
    table: TailTable,
    after: number,
    maxBytes: number,
  ): Promise<{ readonly rows: readonly TailRow[]; readonly whole: boolean }> {
    const { rows: numbers } = await this.client.query<{ number: string; fits: boolean; whole: boolean }>(
      `SELECT number, sum(octet_length(payload)) OVER (ORDER BY number) <= $2 AS fits,
        count(*) OVER () = 1 AS whole
       FROM journal_tail_${table} WHERE number > $1 ORDER BY number LIMIT 100000`,
      [after, maxBytes],
    );
    const fitting = numbers.filter((row, index) => row.fits || index === 0).map((row) => Number(row.number));
    const { rows } = await this.client.query<{
      number: string;
      first: string;
      received_at: string;
      chain: Buffer;
      payload: Buffer;
    }>(
      `SELECT number, first, received_at, chain, payload FROM journal_tail_${table}
       WHERE number > $1 AND number <= $2 ORDER BY number`,
      [after, fitting.at(-1) ?? after],
    );
    return {
      rows: rows.map(({ received_at: receivedAt, ...row }) => ({
        ...row,
        number: Number(row.number),
        first: Number(row.first),
        receivedAt: Number(receivedAt),
      })),
      whole: fitting.length === numbers.length && numbers.length < 100_000,
    };
  }

  /** The row after which the tail chain has this value. */
  async tailRowOfChain(
    chain: Buffer,
  ): Promise<{ readonly table: TailTable; readonly number: number; readonly whole: boolean } | undefined> {
    for (const table of [0, 1] as const) {
      const { rows } = await this.client.query<{ number: string; whole: boolean }>(
        `SELECT number, number = (SELECT max(number) FROM journal_tail_${table}) AS whole
         FROM journal_tail_${table} WHERE chain = $1`,
        [chain],
      );
      const [row] = rows;
      if (row !== undefined) return { table, number: Number(row.number), whole: row.whole };
    }
    return undefined;
  }

  /** One transaction: the record's row and all that holds with it. */
  async commit(row: RecordRow, effects: RecordEffects): Promise<void> {
    const { client } = this;
    await client.query('BEGIN');
    try {
      await insertRecord(client, row);
      if (effects.ledgers !== undefined) await addCounters(client, effects.ledgers);
      if (effects.sealed !== undefined) await this.#removeSealed(effects.sealed);
      if (effects.erasure !== undefined) await markErasure(client, effects.erasure, row.sequence);
      await effects.also?.(client);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    }
  }

  async #removeSealed(sealed: NonNullable<RecordEffects['sealed']>): Promise<void> {
    const { table, through, whole } = sealed;
    if (!whole) {
      await this.client.query(`DELETE FROM journal_tail_${table} WHERE number <= $1`, [through]);
      return;
    }
    // The table that grows is never truncated: whoever adopts a segment may find its rows there.
    const { rowCount } = await this.client.query('SELECT 1 FROM journal_log WHERE tail = $1', [table]);
    if (rowCount === 0) await this.client.query(`TRUNCATE journal_tail_${table}`);
    else await this.client.query(`DELETE FROM journal_tail_${table} WHERE number <= $1`, [through]);
  }
}

export async function insertRecord(client: PoolClient, row: RecordRow): Promise<void> {
  await client.query(
    `INSERT INTO journal_record (sequence, epoch, type, record, leaf, first, count, bytes)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      row.sequence,
      row.epoch,
      row.type,
      row.record,
      row.leaf,
      row.first ?? null,
      row.count ?? null,
      row.bytes,
    ],
  );
}

async function markErasure(
  client: PoolClient,
  erasure: NonNullable<RecordEffects['erasure']>,
  sequence: number,
): Promise<void> {
  await client.query(
    `UPDATE journal_erasure SET sequence = $1
     WHERE account = $2 AND before_month = $3 AND up_to = $4 AND sequence IS NULL`,
    [sequence, erasure.account, erasure.before, erasure.upTo],
  );
}

/** Adds ledgers to the counters of sealed batches, a row a source. */
export async function addCounters(client: PoolClient, ledgers: readonly LedgerLine[]): Promise<void> {
  const sums = new Map<string, { -readonly [Field in keyof LedgerLine]: LedgerLine[Field] }>();
  for (const line of ledgers) {
    const sum = sums.get(line.source);
    if (sum === undefined) {
      sums.set(line.source, { ...line });
      continue;
    }
    sum.received += line.received;
    sum.accepted += line.accepted;
    sum.duplicate += line.duplicate;
    sum.conflict += line.conflict;
    sum.refused += line.refused;
  }
  const rows = [...sums.values()];
  const column = (field: Exclude<keyof LedgerLine, 'source'>): Buffer =>
    int8Array(rows.map((row) => row[field]));
  await client.query(
    `INSERT INTO journal_counter AS c (source, received, accepted, duplicate, conflict, refused)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
     ON CONFLICT (source) DO UPDATE SET received = c.received + excluded.received,
       accepted = c.accepted + excluded.accepted, duplicate = c.duplicate + excluded.duplicate,
       conflict = c.conflict + excluded.conflict, refused = c.refused + excluded.refused`,
    [
      rows.map((row) => row.source),
      column('received'),
      column('accepted'),
      column('duplicate'),
      column('conflict'),
      column('refused'),
    ],
  );
}
