import { int4Array, int8Array, uuidArray } from '#journal/store/binary-array';
import type { Pool } from '#platform/db';

/** The events that a data key is for. */
export interface AccountMonth {
  readonly account: number;
  /** Months since 1970-01. */
  readonly month: number;
}

export interface DataKeyRow extends AccountMonth {
  readonly id: Buffer;
  readonly destroyed: boolean;
}

interface Row {
  readonly id: Buffer;
  readonly account: string;
  readonly month: number;
  readonly destroyed: boolean;
}

const COLUMNS = 'uuid_send(k.id) AS id, k.account, k.month, k.destroyed_at IS NOT NULL AS destroyed';

/** Which data keys there are; the keys themselves lie in a store of their own. */
export class DataKeyStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** The active keys of these; absent where there is none. */
  async active(wanted: readonly AccountMonth[]): Promise<readonly DataKeyRow[]> {
    const { rows } = await this.#pool.query<Row>({
      name: 'journal-active-keys',
      text: `SELECT ${COLUMNS} FROM unnest($1::bigint[], $2::integer[]) AS w (account, month)
        JOIN journal_data_key AS k
        ON k.account = w.account AND k.month = w.month AND k.destroyed_at IS NULL`,
      values: [int8Array(wanted.map((item) => item.account)), int4Array(wanted.map((item) => item.month))],
    });
    return rows.map(readRow);
  }

  async byId(ids: readonly Buffer[]): Promise<readonly DataKeyRow[]> {
    const { rows } = await this.#pool.query<Row>({
      name: 'journal-keys-by-id',
      text: `SELECT ${COLUMNS} FROM journal_data_key AS k WHERE k.id = ANY ($1::uuid[])`,
      values: [uuidArray(Buffer.concat(ids))],
    });
    return rows.map(readRow);
  }

  /** Adds keys; the ids of those that came too late, because their account and month have an active one. */
  async add(keys: readonly (AccountMonth & { readonly id: Buffer })[]): Promise<readonly Buffer[]> {
    const { rows } = await this.#pool.query<{ id: Buffer }>({
      name: 'journal-add-keys',
      text: `INSERT INTO journal_data_key (id, account, month)
        SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::integer[]) ON CONFLICT DO NOTHING
        RETURNING uuid_send(id) AS id`,
      values: [
        uuidArray(Buffer.concat(keys.map((key) => key.id))),
        int8Array(keys.map((key) => key.account)),
        int4Array(keys.map((key) => key.month)),
      ],
    });
    const added = new Set(rows.map((row) => row.id.toString('hex')));
    return keys.map((key) => key.id).filter((id) => !added.has(id.toString('hex')));
  }
}

function readRow(row: Row): DataKeyRow {
  return { id: row.id, account: Number(row.account), month: row.month, destroyed: row.destroyed };
}
