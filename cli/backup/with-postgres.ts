import { lockFolder } from '#cli/folder-lock';
import type { DataLayout } from '#cli/data-folder';
import type { Config } from '#platform/config';
import type { Pool } from '#platform/db';
import { createPool } from '#platform/db';
import { runningPostgresUrl, startPostgres } from '#platform/postgres/start-postgres';

interface Database {
  readonly pool: Pool;
  readonly url: string;
}

/** Works on the database that is configured, or the embedded one of a folder whose lock is held, which is run for it. */
export async function withOwnDatabase<Result>(
  config: Config,
  layout: DataLayout,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  if (config.postgresUrl !== undefined) return withPool(config.postgresUrl, work);
  const server = await startPostgres({ dataDir: layout.root });
  try {
    return await withPool(server.url, work);
  } finally {
    await server.stop();
  }
}

/** The same beside a running platform; while none runs, nothing else may start meanwhile. */
export async function withDatabase<Result>(
  config: Config,
  layout: DataLayout,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const url = config.postgresUrl ?? (await runningPostgresUrl(layout.root));
  if (url !== undefined) return withPool(url, work);
  const lock = await lockFolder(layout.root);
  try {
    return await withOwnDatabase(config, layout, work);
  } finally {
    lock.release();
  }
}

async function withPool<Result>(url: string, work: (database: Database) => Promise<Result>): Promise<Result> {
  const pool = createPool(url, { name: 'cairn-cli', max: 3, statementTimeout: 0 });
  try {
    return await work({ pool, url });
  } finally {
    await pool.end();
  }
}
