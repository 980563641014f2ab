import { int8Array } from '#journal/store/binary-array';
import type { Pool } from '#platform/db';

/** A batch that is not in a segment yet, without its bytes. */
export interface TailPlace {
  /** Counts batches: the order among those without events. */
  readonly number: number;
  readonly first: number;
  readonly epoch: number;
  readonly count: number;
  readonly receivedAt: number;
}

/** The log's sealed and unsealed end, seen at once. */
export interface TailView {
  readonly epoch: number;
  /** The next position. */
  readonly position: number;
  readonly erasures: number;
  /** The position after the newest segment's last. */
  readonly sealedEnd: number;
  /** Batches with events, in order. */
  readonly batches: readonly TailPlace[];
}

interface BatchRow {
  readonly number: string;
  readonly first: string;
  readonly batch_epoch: number;
  readonly count: number;
  readonly received_at: string;
}

interface ViewRow extends Omit<BatchRow, 'number'> {
  readonly epoch: number;
  readonly position: string;
  readonly erasures: string;
  readonly sealed_end: string | null;
  readonly number: string | null;
}

const COLUMNS = 'number, first, epoch AS batch_epoch, count, received_at';

function viewOf(batches: string): string {
  return `
    SELECT l.epoch, l.position, l.erasures, b.number, b.first, b.batch_epoch, b.count, b.received_at,
      (SELECT r.first + r.count FROM journal_record AS r WHERE r.type = 1 AND r.count > 0
       ORDER BY r.first DESC LIMIT 1) AS sealed_end
    FROM journal_log AS l LEFT JOIN (${batches}) AS b ON true ORDER BY b.number`;
}

/** Batches from the one that holds position $1 on, at most $2. */
function batchesFrom(table: 0 | 1): string {
  return `(SELECT ${COLUMNS} FROM journal_tail_${table}
    WHERE first >= coalesce((SELECT max(first) FROM journal_tail_${table} WHERE first <= $1), 0)
      AND count > 0 AND first + count > $1
    ORDER BY number LIMIT $2)`;
}

/** Batches that hold any of the positions $1. */
function batchesAt(table: 0 | 1): string {
  return `(SELECT DISTINCT t.* FROM unnest($1::bigint[]) AS wanted (position) CROSS JOIN LATERAL (
      SELECT ${COLUMNS} FROM journal_tail_${table} WHERE first <= wanted.position AND count > 0
      ORDER BY first DESC LIMIT 1
    ) AS t WHERE wanted.position < t.first + t.count)`;
}

/**
 * Reads what is committed and not sealed. TRUNCATE is not seen by snapshots, so a view taken while a segment is
 * sealed may lack batches that its `sealedEnd` does not cover yet: whoever finds a gap looks again.
 */
export class TailStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** With at most `limit` batches, from the one that holds `from` on. Undefined when there is no log. */
  async viewFrom(from: number, limit: number): Promise<TailView | undefined> {
    const batches = `${batchesFrom(0)} UNION ALL ${batchesFrom(1)} ORDER BY number LIMIT $2`;
    const { rows } = await this.#pool.query<ViewRow>({
      name: 'journal-tail-from',
      text: viewOf(batches),
      values: [from, limit],
    });
    return readView(rows);
  }

  /** With the batches that hold any of these positions. */
  async viewAt(positions: readonly number[]): Promise<TailView | undefined> {
    const { rows } = await this.#pool.query<ViewRow>({
      name: 'journal-tail-at',
      text: viewOf(`${batchesAt(0)} UNION ALL ${batchesAt(1)}`),
      values: [int8Array(positions)],
    });
    return readView(rows);
  }

  /** What encodeBatch wrote; absent for batches that a segment took over meanwhile. */
  async payloads(numbers: readonly number[]): Promise<ReadonlyMap<number, Buffer>> {
    const { rows } = await this.#pool.query<{ number: string; payload: Buffer }>({
      name: 'journal-tail-payloads',
      text: `SELECT number, payload FROM journal_tail_0 WHERE number = ANY ($1::bigint[])
        UNION ALL SELECT number, payload FROM journal_tail_1 WHERE number = ANY ($1::bigint[])`,
      values: [int8Array(numbers)],
    });
    return new Map(rows.map((row) => [Number(row.number), row.payload]));
  }
}

function readView(rows: readonly ViewRow[]): TailView | undefined {
  const [head] = rows;
  if (head === undefined) return undefined;
  return {
    epoch: head.epoch,
    position: Number(head.position),
    erasures: Number(head.erasures),
    sealedEnd: head.sealed_end === null ? 0 : Number(head.sealed_end),
    batches: rows.flatMap((row) => (row.number === null ? [] : [readBatch({ ...row, number: row.number })])),
  };
}

function readBatch(row: BatchRow): TailPlace {
  return {
    number: Number(row.number),
    first: Number(row.first),
    epoch: row.batch_epoch,
    count: row.count,
    receivedAt: Number(row.received_at),
  };
}
