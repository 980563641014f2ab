import { CairnError } from '#domain/errors';
import type { LogShape } from '#journal/log-shape';
import type { PoolClient } from '#platform/db';

/** Tables that sealing truncates while others read: a backup copies them first, under a lock. */
export const TRUNCATED_TABLES: readonly string[] = ['journal_tail_0', 'journal_tail_1'];

/** The log as a snapshot of the rows shows it. */
export interface LogState extends LogShape {
  /** UUID as text. */
  readonly log: string;
  readonly epoch: number;
  /** The next position. */
  readonly position: number;
}

/** UNAVAILABLE when the database has no log yet. */
export async function readLogState(client: PoolClient): Promise<LogState> {
  const head = await client.query<{ log: string; epoch: number; position: string }>(
    'SELECT log, epoch, position FROM journal_log',
  );
  const [row] = head.rows;
  if (row === undefined)
    throw new CairnError('UNAVAILABLE', 'The journal has no log yet.', { retryAfter: 2 });
  const { rows } = await client.query<{ epoch: number; sequence: string; last: string }>(
    `SELECT epoch, min(sequence) AS sequence, max(sequence) AS last
     FROM journal_record GROUP BY epoch ORDER BY epoch`,
  );
  const epochs = rows.map(({ epoch, sequence }) => ({ epoch, sequence: Number(sequence) }));
  const records = rows.length === 0 ? 0 : Number(rows.at(-1)?.last) + 1;
  return { ...row, position: Number(row.position), records, epochs };
}

/** Whether the database has ever been a journal's. False too when it has no tables at all. */
export async function hasLog(client: Pick<PoolClient, 'query'>): Promise<boolean> {
  const found = await client.query<{ there: boolean }>(
    "SELECT to_regclass('public.journal_log') IS NOT NULL AS there",
  );
  if (found.rows[0]?.there !== true) return false;
  return (await client.query('SELECT 1 FROM journal_log')).rowCount !== 0;
}

/** Says in the database, with the rows, which restore has put them there. */
export async function markRestore(client: PoolClient, restore: string): Promise<void> {
  if (!/^[0-9a-f-]{36}$/.test(restore)) throw new Error('The id of a restore is a UUID.');
  await client.query(`COMMENT ON TABLE journal_log IS 'restore ${restore}'`);
}

/** Whether the rows are those that this restore has put there. */
export async function isRestoredBy(client: Pick<PoolClient, 'query'>, restore: string): Promise<boolean> {
  const { rows } = await client.query<{ mark: string | null }>(
    "SELECT obj_description(to_regclass('public.journal_log'), 'pg_class') AS mark",
  );
  return rows[0]?.mark === `restore ${restore}`;
}

/** The accounts that have, or had, events: twelve digits each. */
export async function accountsWithEvents(client: Pick<PoolClient, 'query'>): Promise<readonly string[]> {
  const { rows } = await client.query<{ account: string }>(
    "SELECT DISTINCT lpad(account::text, 12, '0') AS account FROM journal_data_key ORDER BY account",
  );
  return rows.map(({ account }) => account);
}

/** Makes the partitions of identities that are among these tables. */
export async function makeKeyPartitions(client: PoolClient, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    const [, year, month] = /^journal_key_(\d{4,})(\d{2})$/.exec(table) ?? [];
    if (year === undefined) continue;
    const number = (Number(year) - 1970) * 12 + Number(month) - 1;
    await client.query('SELECT journal_make_key_partition($1)', [number]);
  }
}
