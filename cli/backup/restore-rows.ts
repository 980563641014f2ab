import type { BackupFolder } from '#cli/backup/backup-folder';
import type { Manifest } from '#cli/backup/manifest';
import { tablesToLoad } from '#cli/backup/table-files';
import { CairnError } from '#domain/errors';
import { hasLog, isRestoredBy, makeKeyPartitions, markRestore } from '#journal/store/backup-store';
import { markEndUnknown } from '#journal/store/replay-store';
import { MIGRATIONS } from '#migrations/index';
import type { Pool } from '#platform/db';
import { appliedMigrations, migrate } from '#platform/db';
import { loadTables } from '#platform/postgres/table-load';

export interface RowsToRestore {
  readonly pool: Pool;
  readonly url: string;
  /** Of the restore: a second run knows its own rows. */
  readonly restore: string;
  readonly onProgress?: ((what: string) => void) | undefined;
}

/** INVALID_ARGUMENT when the database holds rows that this restore has not put there. */
export async function checkEmpty({ pool, restore }: RowsToRestore): Promise<void> {
  if (!(await hasLog(pool)) || (await isRestoredBy(pool, restore))) return;
  throw new CairnError(
    'INVALID_ARGUMENT',
    'The database holds an installation already, and nothing in it was changed: give an empty one. Without --from the rows that are there are brought together with the objects.',
  );
}

/**
 * Loads the tables of a backup into an empty database, in one transaction, and the end of the log is not known
 * from then on. CORRUPT when the backup is of a newer release.
 */
export async function restoreRows(
  { pool, url, restore, onProgress }: RowsToRestore,
  backup: BackupFolder,
  manifest: Manifest,
): Promise<void> {
  if (await isRestoredBy(pool, restore)) return;
  await migrateLike(pool, url, manifest);
  await loadTables(pool, {
    tables: tablesToLoad(backup, manifest.tables),
    sequences: manifest.sequences,
    prepare: makeKeyPartitions,
    finish: async (client) => {
      await markEndUnknown(client);
      await markRestore(client, restore);
    },
    onTable: (name) => onProgress?.(`rows of ${name}`),
  });
}

/** The database in the shape that it had: newer migrations find the rows as they would have found them then. */
async function migrateLike(pool: Pool, url: string, { id, migrations }: Manifest): Promise<void> {
  const known = new Set(MIGRATIONS.map(({ name }) => name));
  const last = migrations.at(-1);
  if (last === undefined || migrations.some((name) => !known.has(name))) {
    throw new CairnError('CORRUPT', `The backup ${id} was made by a newer release of Cairn: use that one.`);
  }
  await migrate(url, last);
  const client = await pool.connect();
  try {
    const applied = await appliedMigrations(client);
    if (applied.join() === migrations.join()) return;
  } finally {
    client.release();
  }
  throw new CairnError(
    'INVALID_ARGUMENT',
    'The database is of another shape than the backup: give an empty one.',
  );
}
