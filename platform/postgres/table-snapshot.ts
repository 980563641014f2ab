import type { Readable } from 'node:stream';
import { to as copyTo } from 'pg-copy-streams';

import type { Pool, PoolClient } from '#platform/db';

/** A table as it stands in a snapshot. */
export interface TableShape {
  readonly name: string;
  /** Those that hold rows' own values, not generated ones. */
  readonly columns: readonly string[];
}

/** Rows as they are read; how many there were, at the end. */
export interface RowStream extends Readable {
  readonly rowCount: number;
}

/** The next value of a sequence. */
export interface SequenceState {
  readonly name: string;
  readonly last: string;
}

/** The session in which rows are copied as text: the same text on every server. */
export const COPY_SETTINGS =
  "SET statement_timeout = 0; SET lock_timeout = 0; SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; " +
  "SET intervalstyle = 'iso_8601'; SET extra_float_digits = 1; SET bytea_output = 'hex'";

/**
 * The schema `public` as one moment shows it, while others write. TRUNCATE is not seen by snapshots: tables that
 * are truncated in use must be copied first, under a lock that keeps it away.
 */
export class TableSnapshot implements AsyncDisposable {
  readonly client: PoolClient;

  private constructor(client: PoolClient) {
    this.client = client;
  }

  /**
   * Takes the snapshot and runs `copyLocked` while TRUNCATE of `locked` must wait; the locks are given back after
   * it, the snapshot stays until disposed of.
   */
  static async take(
    pool: Pool,
    locked: readonly string[],
    copyLocked: (snapshot: TableSnapshot) => Promise<void>,
  ): Promise<TableSnapshot> {
    const client = await pool.connect();
    try {
      await client.query(COPY_SETTINGS);
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SAVEPOINT locked');
      // Before the first query: it takes the snapshot, and what was truncated between would be in neither.
      if (locked.length > 0) {
        await client.query(`LOCK TABLE ${locked.map(quoted).join(', ')} IN ACCESS SHARE MODE`);
      }
      const snapshot = new TableSnapshot(client);
      await client.query('SELECT 1');
      await copyLocked(snapshot);
      await client.query('ROLLBACK TO SAVEPOINT locked');
      return snapshot;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** All tables and partitions that hold rows, those that others refer to first. */
  async tables(): Promise<readonly TableShape[]> {
    const { rows } = await this.client.query<{ name: string; columns: string[]; refers: string[] }>(
      `SELECT c.relname AS name,
         array(SELECT a.attname::text FROM pg_attribute AS a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
               ORDER BY a.attnum) AS columns,
         array(SELECT t.relname::text FROM pg_constraint AS f JOIN pg_class AS t ON t.oid = f.confrelid
               WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid) AS refers
       FROM pg_class AS c
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
       ORDER BY c.relname`,
    );
    return inOrder(rows).map(({ name, columns }) => ({ name, columns }));
  }

  async sequences(): Promise<readonly SequenceState[]> {
    const { rows } = await this.client.query<{ name: string; last: string }>(
      `SELECT sequencename AS name, last_value::text AS last FROM pg_sequences
       WHERE schemaname = 'public' AND last_value IS NOT NULL ORDER BY sequencename`,
    );
    return rows;
  }

  /** The table's rows in COPY's text form, as a stream to be read to its end before anything else is asked. */
  copyOut({ name, columns }: TableShape): RowStream {
    const list = columns.map(quoted).join(', ');
    return this.client.query(copyTo(`COPY ${quoted(name)} (${list}) TO STDOUT (ENCODING 'UTF8')`));
  }

  [Symbol.asyncDispose](): Promise<void> {
    // Ending the connection ends the snapshot, whatever state it is in.
    this.client.release(true);
    return Promise.resolve();
  }
}

/** The name as SQL takes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function inOrder<Table extends { readonly name: string; readonly refers: readonly string[] }>(
  tables: readonly Table[],
): readonly Table[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const ordered = new Set<Table>();
  const visit = (table: Table, above: ReadonlySet<string>): void => {
    for (const name of table.refers) {
      const other = byName.get(name);
      if (other !== undefined && !above.has(name)) visit(other, new Set([...above, table.name]));
    }
    ordered.add(table);
  };
  for (const table of tables) visit(table, new Set());
  return [...ordered];
}
