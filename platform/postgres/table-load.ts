import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';

import type { Pool, PoolClient } from '#platform/db';
import type { SequenceState, TableShape } from '#platform/postgres/table-snapshot';
import { COPY_SETTINGS, quoted } from '#platform/postgres/table-snapshot';

/** A table and where its rows come from, in COPY's text form. */
export interface TableToLoad extends TableShape {
  open(): Promise<Readable> | Readable;
}

export interface LoadOptions {
  readonly tables: readonly TableToLoad[];
  readonly sequences: readonly SequenceState[];
  /** Makes what migrations do not: partitions. */
  readonly prepare: (client: PoolClient, tables: readonly string[]) => Promise<void>;
  /** What must become true together with the rows. */
  readonly finish: (client: PoolClient) => Promise<void>;
  readonly onTable?: (name: string) => void;
}

/** Replaces the rows of the tables, all in one transaction: after a crash there is nothing, or everything. */
export async function loadTables(pool: Pool, options: LoadOptions): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query(COPY_SETTINGS);
    await client.query('BEGIN; SET LOCAL synchronous_commit = on');
    await options.prepare(
      client,
      options.tables.map(({ name }) => name),
    );
    const names = options.tables.map(({ name }) => quoted(name)).join(', ');
    if (names !== '') await client.query(`TRUNCATE ${names}`);
    for (const table of options.tables) await load(client, table, options);
    for (const { name, last } of options.sequences) {
      await client.query('SELECT setval($1::regclass, $2::bigint)', [quoted(name), last]);
    }
    await options.finish(client);
    await client.query('COMMIT; ANALYZE');
  } finally {
    // Its settings are for copies alone.
    client.release(true);
  }
}

async function load(client: PoolClient, table: TableToLoad, { onTable }: LoadOptions): Promise<void> {
  const list = table.columns.map(quoted).join(', ');
  const copy = client.query(copyFrom(`COPY ${quoted(table.name)} (${list}) FROM STDIN (ENCODING 'UTF8')`));
  await pipeline(await table.open(), copy);
  onTable?.(table.name);
}
