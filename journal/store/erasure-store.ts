import type { DataKeyRow } from '#journal/store/data-key-store';
import type { Pool, PoolClient } from '#platform/db';

/** Events of an account, of all months (`before` 0) or of those before `before` (months since 1970-01). */
export interface ErasedScope {
  readonly account: number;
  readonly before: number;
}

/** An erasure as it was decided: the data keys of its scope are dead from then on. */
export interface Erasure extends ErasedScope {
  /** The head's erasure counter after it. */
  readonly number: number;
  /** The head when it was decided: events at lower positions are erased. */
  readonly upTo: number;
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Its record's place in the log; undefined until it is written. */
  readonly sequence: number | undefined;
}

interface Row {
  readonly number: string;
  readonly account: string;
  readonly before_month: number;
  readonly up_to: string;
  readonly epoch: number;
  readonly at: string;
  readonly sequence: string | null;
}

const COLUMNS = 'number, account, before_month, up_to, epoch, at, sequence';
/** Erasures told at once to a process that has been away. */
const NEWS_LIMIT = 1000;

/** What was erased, and how far each erasure has come. */
export class ErasureStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Marks the scope's keys destroyed and moves the head's counter, so that no open append can use them. */
  async decide(scope: ErasedScope, at: number): Promise<Erasure> {
    const client = await this.#pool.connect();
    try {
      await client.query('BEGIN; SET LOCAL synchronous_commit = on');
      const erasure = await decideIn(client, scope, at);
      await client.query('COMMIT');
      client.release();
      return erasure;
    } catch (error) {
      // Closing the connection rolls back.
      client.release(true);
      throw error;
    }
  }

  /** Erasures whose record is not written yet, oldest first. */
  async unfinished(): Promise<readonly Erasure[]> {
    const { rows } = await this.#pool.query<Row>(
      `SELECT ${COLUMNS} FROM journal_erasure WHERE sequence IS NULL ORDER BY number`,
    );
    return rows.map(readRow);
  }

  /** Erasures after the one of this number, oldest first, at most 1,000. */
  async since(number: number): Promise<readonly Erasure[]> {
    const { rows } = await this.#pool.query<Row>({
      name: 'journal-erasures-since',
      text: `SELECT ${COLUMNS} FROM journal_erasure WHERE number > $1 ORDER BY number LIMIT ${NEWS_LIMIT}`,
      values: [number],
    });
    return rows.map(readRow);
  }

  async ofAccounts(accounts: readonly number[]): Promise<readonly Erasure[]> {
    const { rows } = await this.#pool.query<Row>({
      name: 'journal-erasures-of',
      text: `SELECT ${COLUMNS} FROM journal_erasure WHERE account = ANY ($1::bigint[])`,
      values: [accounts.map(String)],
    });
    return rows.map(readRow);
  }

  /** The keys that an erasure destroyed, by month and id. */
  async keys(number: number): Promise<readonly DataKeyRow[]> {
    const { rows } = await this.#pool.query<{ id: Buffer; account: string; month: number }>(
      `SELECT uuid_send(id) AS id, account, month FROM journal_data_key
       WHERE erasure = $1 ORDER BY month, journal_data_key.id`,
      [number],
    );
    return rows.map((row) => ({ ...row, account: Number(row.account), destroyed: true }));
  }

  /** Notes the record of an erasure; also one that it shares with an equal erasure before it. */
  async finish(number: number, sequence: number): Promise<void> {
    const set = 'UPDATE journal_erasure SET sequence = $2 WHERE number = $1 AND sequence IS NULL';
    await this.#pool.query(set, [number, sequence]);
  }
}

async function decideIn(client: PoolClient, scope: ErasedScope, at: number): Promise<Erasure> {
  const head = await client.query<{ number: string; position: string; epoch: number }>(
    'UPDATE journal_log SET erasures = erasures + 1 RETURNING erasures AS number, position, epoch',
  );
  const { number, position, epoch } = head.rows[0] ?? {};
  await client.query(
    `UPDATE journal_data_key SET destroyed_at = now(), erasure = $3
     WHERE account = $1 AND ($2::integer = 0 OR month < $2) AND destroyed_at IS NULL`,
    [scope.account, scope.before, number],
  );
  await client.query('DELETE FROM journal_refusal WHERE account = $1 AND ($2::integer = 0 OR month < $2)', [
    scope.account,
    scope.before,
  ]);
  const { rows } = await client.query<Row>(
    `INSERT INTO journal_erasure (number, account, before_month, up_to, epoch, at)
     VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${COLUMNS}`,
    [number, scope.account, scope.before, position, epoch, at],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('an INSERT that returned nothing');
  return readRow(row);
}

function readRow(row: Row): Erasure {
  return {
    number: Number(row.number),
    account: Number(row.account),
    before: row.before_month,
    upTo: Number(row.up_to),
    epoch: row.epoch,
    at: Number(row.at),
    sequence: row.sequence === null ? undefined : Number(row.sequence),
  };
}
