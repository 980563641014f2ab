import type { Pool } from '#platform/db';

/** What readers of checkpoints and keys ask of the records' rows. */
export class KeyRecordStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** How many records the log has. */
  async count(): Promise<number> {
    const { rows } = await this.#pool.query<{ count: string }>(
      'SELECT coalesce(max(sequence) + 1, 0) AS count FROM journal_record',
    );
    return Number(rows[0]?.count);
  }

  /** Records that name signing keys, oldest first. */
  async keyRecords(): Promise<readonly Buffer[]> {
    const { rows } = await this.#pool.query<{ record: Buffer }>(
      'SELECT record FROM journal_record WHERE type = 4 ORDER BY sequence',
    );
    return rows.map((row) => row.record);
  }

  /** Whether an event with this identity key (16 bytes) is recorded, in whatever hour. */
  async isRecorded(identityKey: Buffer): Promise<boolean> {
    const { rowCount } = await this.#pool.query('SELECT 1 FROM journal_key WHERE key = $1::uuid LIMIT 1', [
      identityKey.toString('hex'),
    ]);
    return rowCount !== 0;
  }
}
