import { int8Array } from '#journal/store/binary-array';
import type { Pool } from '#platform/db';

/** Where a segment lies in the log. */
export interface SegmentPlace {
  readonly sequence: number;
  readonly epoch: number;
  readonly first: number;
  readonly count: number;
}

/** The log's records as readers need them; sealing writes the rows. */
export class RecordStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** The segments that hold these positions, each once; none for positions that are not sealed. */
  async segmentsOf(positions: readonly number[]): Promise<readonly SegmentPlace[]> {
    const { rows } = await this.#pool.query<{
      sequence: string;
      epoch: number;
      first: string;
      count: number;
    }>({
      name: 'journal-segments-of',
      text: `
        SELECT DISTINCT r.sequence, r.epoch, r.first, r.count
        FROM unnest($1::bigint[]) AS wanted (position) CROSS JOIN LATERAL (
          SELECT * FROM journal_record AS j WHERE j.type = 1 AND j.count > 0 AND j.first <= wanted.position
          ORDER BY j.first DESC LIMIT 1
        ) AS r
        WHERE wanted.position < r.first + r.count`,
      values: [int8Array(positions)],
    });
    return rows.map((row) => ({ ...row, sequence: Number(row.sequence), first: Number(row.first) }));
  }

  /** The records that began epochs, oldest first. */
  epochRecords(): Promise<readonly Buffer[]> {
    return this.#recordsOf(5);
  }

  async #recordsOf(type: number): Promise<readonly Buffer[]> {
    const { rows } = await this.#pool.query<{ record: Buffer }>(
      'SELECT record FROM journal_record WHERE type = $1 ORDER BY sequence',
      [type],
    );
    return rows.map((row) => row.record);
  }
}
