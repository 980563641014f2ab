import type { Pool, PoolClient } from '#platform/db';

/** The log's end, as its one row says. */
export interface Head {
  /** UUID, 16 bytes. */
  readonly log: Buffer;
  readonly epoch: number;
  /** The next position. */
  readonly position: number;
  readonly receivedAt: number;
  /** Grows with each erasure. */
  readonly erasures: number;
  /** Which of the two tail tables grows. */
  readonly tail: 0 | 1;
}

/** A batch as PostgreSQL gets it: arrays in binary form, sorted by hour and key. */
export interface CommitRow {
  readonly id: Buffer;
  readonly count: number;
  readonly hours: Buffer;
  readonly keys: Buffer;
  readonly accounts: Buffer;
  readonly indexes: Buffer;
  readonly hashes: Buffer;
  readonly hash: Buffer;
  readonly ledger: string;
  readonly payload: Buffer;
}

export interface BatchPlace {
  readonly epoch: number;
  readonly first: number;
}

/** An identity that is taken. */
export interface KnownKey extends BatchPlace {
  /** Which of the identities asked for. */
  readonly ordinal: number;
  readonly index: number;
  /** The content hash's 8 bytes as a signed number, in decimal digits. */
  readonly hash: string;
}

export interface Identity {
  readonly hours: Buffer;
  readonly keys: Buffer;
  readonly from: number;
  readonly to: number;
}

const COMMIT_LOCK_TIMEOUT_MS = 10_000;

/** The head and what appends need: its commit, identities, partitions. */
export class LogStore {
  readonly #pool: Pool;
  readonly #prepared = new WeakSet<PoolClient>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async head(): Promise<Head | undefined> {
    const { rows } = await this.#pool.query<HeadRow>({
      name: 'journal-head',
      text: `SELECT uuid_send(log) AS log, epoch, position, received_at, erasures, tail FROM journal_log`,
    });
    return rows[0] === undefined ? undefined : readHead(rows[0]);
  }

  /** Commits one batch; durable when it resolves. Failures as `sqlFailure` tells them. */
  async commit(
    row: CommitRow,
    head: { readonly epoch: number; readonly erasures: number },
  ): Promise<BatchPlace> {
    const client = await this.#pool.connect();
    try {
      await this.#prepare(client);
      const { rows } = await client.query<{ first: string }>({
        name: 'journal-commit',
        text: 'SELECT first FROM journal_commit($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)',
        values: [
          row.id,
          head.epoch,
          head.erasures,
          row.count,
          row.hours,
          row.keys,
          row.accounts,
          row.indexes,
          row.hashes,
          row.hash,
          row.ledger,
          row.payload,
        ],
      });
      client.release();
      return { epoch: head.epoch, first: Number(rows[0]?.first) };
    } catch (error) {
      // A connection that failed may be half-way through anything; an SQL error leaves it in order.
      client.release(!(error instanceof Error && 'severity' in error));
      throw error;
    }
  }

  /** Acknowledged means fsynced, whatever the server's default is. */
  async #prepare(client: PoolClient): Promise<void> {
    if (this.#prepared.has(client)) return;
    await client.query(`SET synchronous_commit = on; SET lock_timeout = ${COMMIT_LOCK_TIMEOUT_MS}`);
    this.#prepared.add(client);
  }

  /** Where a batch is, if it was committed. */
  async batch(id: Buffer): Promise<BatchPlace | undefined> {
    const { rows } = await this.#pool.query<{ epoch: number; first: string }>({
      name: 'journal-batch',
      text: 'SELECT epoch, first FROM journal_batch WHERE batch = $1',
      values: [id],
    });
    return rows[0] === undefined ? undefined : { epoch: rows[0].epoch, first: Number(rows[0].first) };
  }

  /** Those of the identities that are taken. LATERAL with LIMIT: one index look-up each, no other plan. */
  async lookup(wanted: Identity): Promise<readonly KnownKey[]> {
    const { rows } = await this.#pool.query<KnownRow>({
      name: 'journal-lookup',
      text: `
        SELECT wanted.n::integer - 1 AS ordinal, known.index, known.hash, batch.epoch, batch.first
        FROM unnest($1::integer[], $2::uuid[]) WITH ORDINALITY AS wanted (hour, key, n)
        CROSS JOIN LATERAL (
          SELECT k.batch, k.index, k.hash FROM journal_key AS k
          WHERE k.hour = wanted.hour AND k.key = wanted.key AND k.hour BETWEEN $3::integer AND $4::integer
          LIMIT 1
        ) AS known
        CROSS JOIN LATERAL (
          SELECT b.epoch, b.first FROM journal_batch AS b WHERE b.batch = known.batch LIMIT 1
        ) AS batch`,
      values: [wanted.hours, wanted.keys, wanted.from, wanted.to],
    });
    return rows.map((row) => ({ ...row, first: Number(row.first) }));
  }

  /** Makes the month's partition of identities unless it is there; in a transaction of its own. */
  async makePartition(month: number): Promise<void> {
    await this.#pool.query('SELECT journal_make_key_partition($1)', [month]);
  }

  async counters(): Promise<readonly CounterRow[]> {
    const { rows } = await this.#pool.query<CounterRow>('SELECT * FROM journal_counters()');
    return rows;
  }
}

export interface CounterRow {
  readonly source: string;
  readonly received: string;
  readonly accepted: string;
  readonly duplicate: string;
  readonly conflict: string;
  readonly refused: string;
}

interface KnownRow {
  readonly ordinal: number;
  readonly index: number;
  readonly hash: string;
  readonly epoch: number;
  readonly first: string;
}

interface HeadRow {
  readonly log: Buffer;
  readonly epoch: number;
  readonly position: string;
  readonly received_at: string;
  readonly erasures: string;
  readonly tail: number;
}

function readHead(row: HeadRow): Head {
  return {
    log: row.log,
    epoch: row.epoch,
    position: Number(row.position),
    receivedAt: Number(row.received_at),
    erasures: Number(row.erasures),
    tail: row.tail === 0 ? 0 : 1,
  };
}
