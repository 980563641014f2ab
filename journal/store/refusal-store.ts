import type { Place } from '#journal/types';
import type { Pool, PoolClient } from '#platform/db';

/** An event that contradicts one accepted before, kept as evidence. */
export interface KeptRefusal {
  /** Identifies it, so that a second try does not keep it twice: the intake's UUID and the event's index. */
  readonly intake: Buffer;
  readonly index: number;
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly account: number;
  readonly month: number;
  /** The event that was accepted; undefined when it came in the same batch. */
  readonly place: Place | undefined;
  /** A frame of one event. */
  readonly sealed: Buffer;
}

/** What is kept of one source: the newest, of these numbers and bytes at most. */
export const KEPT_ROWS = 1000;
const KEPT_BYTES = 16 * 1024 * 1024;

export class RefusalStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** All of them or none, and one wait for the disk: a source that only ever conflicts must not slow the others. */
  async keep(refusals: readonly KeptRefusal[]): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await client.query('BEGIN');
      for (const refusal of refusals) await insert(client, refusal);
      // In one order, so that two that prune the same sources do not wait for each other.
      const sources = new Set(refusals.map((refusal) => refusal.source));
      for (const source of [...sources].toSorted()) await prune(client, source);
      await client.query('COMMIT');
      client.release();
    } catch (error) {
      // Closing the connection rolls back.
      client.release(true);
      throw error;
    }
  }

  /** Takes back what was kept of an intake. */
  async forget(intake: Buffer): Promise<void> {
    await this.#pool.query('DELETE FROM journal_refusal WHERE batch = $1', [intake]);
  }

  /** A source's kept refusals, newest first. */
  async list(source: string, limit: number): Promise<readonly KeptRefusal[]> {
    const { rows } = await this.#pool.query<Row>({
      name: 'journal-list-refusals',
      text: `SELECT uuid_send(batch) AS intake, index, source, at, account, month, epoch, position, sealed
        FROM journal_refusal AS r WHERE source = $1 ORDER BY r.batch DESC, r.index DESC LIMIT $2`,
      values: [source, limit],
    });
    return rows.map(({ epoch, position, ...row }) => ({
      ...row,
      at: Number(row.at),
      account: Number(row.account),
      place: epoch === null || position === null ? undefined : { epoch, position: Number(position) },
    }));
  }
}

async function insert(client: PoolClient, refusal: KeptRefusal): Promise<void> {
  const { intake, index, source, at, account, month, place, sealed } = refusal;
  await client.query({
    name: 'journal-keep-refusal',
    text: `INSERT INTO journal_refusal
      (batch, index, source, at, code, account, month, epoch, position, sealed)
      VALUES ($1, $2, $3, $4, 'CONFLICT', $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
    values: [intake, index, source, at, account, month, place?.epoch, place?.position, sealed],
  });
}

async function prune(client: PoolClient, source: string): Promise<void> {
  await client.query({
    name: 'journal-prune-refusals',
    text: `DELETE FROM journal_refusal AS gone USING (
        SELECT batch, index, row_number() OVER newest AS rows, sum(length(sealed)) OVER newest AS bytes
        FROM journal_refusal WHERE source = $1 WINDOW newest AS (ORDER BY batch DESC, index DESC)
      ) AS old
      WHERE gone.batch = old.batch AND gone.index = old.index AND (old.rows > $2 OR old.bytes > $3)`,
    values: [source, KEPT_ROWS, KEPT_BYTES],
  });
}

interface Row {
  readonly intake: Buffer;
  readonly index: number;
  readonly source: string;
  readonly at: string;
  readonly account: string;
  readonly month: number;
  readonly epoch: number | null;
  readonly position: string | null;
  readonly sealed: Buffer;
}
