import type { Entries } from '#journal/format/batch';
import { hourOf } from '#journal/format/identity';
import { int4Array, int8Array, int8ArrayOfBytes, uuidArray } from '#journal/store/binary-array';
import type { TailTable } from '#journal/store/seal-store';
import type { PoolClient } from '#platform/db';

/** A record's row, whole. */
export interface StoredRecord {
  readonly sequence: number;
  readonly epoch: number;
  readonly type: number;
  readonly record: Buffer;
  readonly leaf: Buffer;
  readonly first: number | undefined;
  readonly count: number | undefined;
  readonly bytes: number;
}

/** Row counts and the head, as one statement sees them. */
export interface Totals {
  readonly position: number;
  readonly keys: number;
  /** Events in all batches. */
  readonly batched: number;
}

export interface StoredTailBatch {
  readonly table: TailTable;
  readonly number: number;
  readonly first: number;
  readonly epoch: number;
  readonly count: number;
  readonly receivedAt: number;
  readonly batch: Buffer;
  readonly chain: Buffer;
  readonly payload: Buffer;
}

/** Reads rows to hold them against the objects. Whoever uses it keeps the sealers' lock. */
export class VerifyStore {
  readonly #client: PoolClient;

  constructor(client: PoolClient) {
    this.#client = client;
  }

  /** From `sequence` on, at most 1,000. */
  async records(sequence: number): Promise<readonly StoredRecord[]> {
    const { rows } = await this.#client.query<{
      sequence: string;
      epoch: number;
      type: number;
      record: Buffer;
      leaf: Buffer;
      first: string | null;
      count: number | null;
      bytes: string;
    }>('SELECT * FROM journal_record WHERE sequence >= $1 ORDER BY sequence LIMIT 1000', [sequence]);
    return rows.map((row) => ({
      ...row,
      sequence: Number(row.sequence),
      first: row.first === null ? undefined : Number(row.first),
      count: row.count ?? undefined,
      bytes: Number(row.bytes),
    }));
  }

  async counters(): Promise<readonly (readonly [string, readonly number[]])[]> {
    const { rows } = await this.#client.query<Record<string, string>>(
      'SELECT source, received, accepted, duplicate, conflict, refused FROM journal_counter',
    );
    return rows.map(({ source = '', received, accepted, duplicate, conflict, refused }) => {
      return [source, [received, accepted, duplicate, conflict, refused].map(Number)] as const;
    });
  }

  async totals(): Promise<Totals> {
    const { rows } = await this.#client.query<{ position: string; keys: string; batched: string }>(
      `SELECT position, (SELECT count(*) FROM journal_key) AS keys,
        (SELECT coalesce(sum(count), 0) FROM journal_batch) AS batched FROM journal_log`,
    );
    return {
      position: Number(rows[0]?.position),
      keys: Number(rows[0]?.keys),
      batched: Number(rows[0]?.batched),
    };
  }

  /** How many of a batch's identities have the row that its entries say. */
  async matchingKeys(batch: Buffer, entries: Entries): Promise<number> {
    const indexes = Array.from({ length: entries.count }, (_, index) => index);
    const { rows } = await this.#client.query<{ count: string }>(
      `SELECT count(*) FROM unnest($2::integer[], $3::uuid[], $4::bigint[], $5::bigint[], $6::integer[])
         AS e (hour, key, account, hash, index)
       JOIN journal_key AS k ON k.hour = e.hour AND k.key = e.key
       WHERE k.account = e.account AND k.hash = e.hash AND k.index = e.index AND k.batch = $1`,
      [
        batch,
        int4Array(indexes.map((index) => hourOf(entries.eventTime(index)))),
        uuidArray(Buffer.concat(indexes.map((index) => entries.identityKey(index)))),
        int8Array(indexes.map((index) => entries.account(index))),
        int8ArrayOfBytes(Buffer.concat(indexes.map((index) => entries.contentHash(index)))),
        int4Array(indexes),
      ],
    );
    return Number(rows[0]?.count);
  }

  async batchPlace(
    batch: Buffer,
  ): Promise<{ readonly first: number; readonly epoch: number; readonly count: number } | undefined> {
    const { rows } = await this.#client.query<{ first: string; epoch: number; count: number }>(
      'SELECT first, epoch, count FROM journal_batch WHERE batch = $1',
      [batch],
    );
    const [row] = rows;
    return row === undefined ? undefined : { ...row, first: Number(row.first) };
  }

  /** The batch of the tail that follows this number. */
  async tailBatch(after: number): Promise<StoredTailBatch | undefined> {
    const columns = 'number, first, epoch, count, received_at, uuid_send(batch) AS batch, chain, payload';
    const { rows } = await this.#client.query<{
      tail: number;
      number: string;
      first: string;
      epoch: number;
      count: number;
      received_at: string;
      batch: Buffer;
      chain: Buffer;
      payload: Buffer;
    }>(
      `(SELECT 0 AS tail, ${columns} FROM journal_tail_0 WHERE number > $1 ORDER BY number LIMIT 1)
       UNION ALL
       (SELECT 1 AS tail, ${columns} FROM journal_tail_1 WHERE number > $1 ORDER BY number LIMIT 1)
       ORDER BY number LIMIT 1`,
      [after],
    );
    const [row] = rows;
    if (row === undefined) return undefined;
    const { tail, received_at: receivedAt, number, first, ...rest } = row;
    return {
      ...rest,
      table: tail === 0 ? 0 : 1,
      number: Number(number),
      first: Number(first),
      receivedAt: Number(receivedAt),
    };
  }

  /** Data keys after an id, in order of id, at most 1,000. */
  async dataKeys(
    after: Buffer,
  ): Promise<readonly { id: Buffer; account: number; month: number; destroyed: boolean }[]> {
    const { rows } = await this.#client.query<{
      id: Buffer;
      account: string;
      month: number;
      destroyed: boolean;
    }>(
      `SELECT uuid_send(id) AS id, account, month, destroyed_at IS NOT NULL AS destroyed
       FROM journal_data_key AS k WHERE k.id > $1::uuid ORDER BY k.id LIMIT 1000`,
      [after.toString('hex')],
    );
    return rows.map((row) => ({ ...row, account: Number(row.account) }));
  }
}
