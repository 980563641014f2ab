import type { BackupFolder } from '#cli/backup/backup-folder';
import { tableName } from '#cli/backup/backup-folder';
import { copyNewKeys, matchKeys } from '#cli/backup/copy-keys';
import type { KeyState } from '#cli/backup/copy-keys';
import { copyLog } from '#cli/backup/copy-log';
import type { Copied } from '#cli/backup/copy-log';
import type { Manifest, TableFile } from '#cli/backup/manifest';
import { openManifest, sealManifest } from '#cli/backup/manifest';
import { writeTable } from '#cli/backup/table-files';
import { CairnError } from '#domain/errors';
import { checkpointKey } from '#journal/checkpoint';
import { sharedLog } from '#journal/log-shape';
import { readLogState, TRUNCATED_TABLES } from '#journal/store/backup-store';
import type { LogState } from '#journal/store/backup-store';
import type { Pool } from '#platform/db';
import { appliedMigrations, MIGRATIONS_TABLE } from '#platform/db';
import type { KeyProvider } from '#platform/keys';
import type { ObjectReader } from '#platform/objects/object-store';
import type { SequenceState } from '#platform/postgres/table-snapshot';
import { TableSnapshot } from '#platform/postgres/table-snapshot';

/** An installation as a backup sees it; it goes on working meanwhile. */
export interface BackupSource {
  readonly installation: string;
  readonly pool: Pool;
  readonly objects: ObjectReader;
  readonly keyObjects: ObjectReader;
  readonly keys: KeyProvider;
  /** Where the objects are when they are kept safe there (a bucket); undefined copies them into the backup. */
  readonly bucket?: string | undefined;
}

export interface BackupOptions {
  /** Backups that stay, this one included. */
  readonly keep: number;
  readonly onProgress?: (what: string) => void;
  /** For tests that end it there. */
  readonly step?: (name: string) => void;
}

export interface BackupReport {
  readonly id: string;
  readonly log: string;
  readonly epoch: number;
  readonly position: number;
  readonly records: number;
  readonly rows: number;
  /** What was not in the folder before. */
  readonly copied: Copied & { readonly keys: number };
  /** Keys that were in the folder and are erased since the backup before. */
  readonly erasedKeys: number;
  /** Keys that the rows name and that lie nowhere: their events cannot be read, here or there. */
  readonly lostKeys: readonly string[];
  /** Ids of the backups in the folder, oldest first. */
  readonly backups: readonly string[];
}

interface Rows {
  readonly state: LogState;
  readonly migrations: readonly string[];
  readonly tables: readonly TableFile[];
  readonly sequences: readonly SequenceState[];
  readonly keys: KeyState;
}

/** Records that may wait for their checkpoints while a crash is recovered from. */
const LATE_CHECKPOINTS = 64;
/** A key can be made and erased while the rows are read; not over and over again. */
const ATTEMPTS = 3;

/**
 * Makes a backup beside the running platform. What makes it one is its manifest, which is written last: whatever
 * ends it before, the backups that were there are as they were, and the next one uses what is copied already.
 */
export async function takeBackup(
  source: BackupSource,
  folder: BackupFolder,
  options: BackupOptions,
): Promise<BackupReport> {
  const { keyObjects, objects } = source;
  const newKeys = await copyNewKeys(keyObjects, folder.keys);
  options.step?.('keys');
  const rows = await readRows(source, folder, options);
  options.step?.('rows');
  const before = await newest(folder, source.keys);
  const { epochs, records } = rows.state;
  const copied: Copied =
    source.bucket === undefined
      ? await copyLog({
          from: objects,
          to: folder.objects,
          epochs,
          // The newest of them may have had no checkpoint yet.
          first: Math.max(0, sharedRecords(before, rows.state) - LATE_CHECKPOINTS),
          end: records,
          onRecord: (sequence) => options.onProgress?.(`record ${sequence + 1} of ${records}`),
        })
      : { objects: 0, bytes: 0 };
  options.step?.('objects');
  const id = nextId(before?.id);
  const checkpoint = await objects.get(checkpointKey(records));
  const manifest: Manifest = {
    format: 1,
    id,
    at: new Date().toISOString(),
    installation: source.installation,
    ...rows.state,
    epochs: [...epochs],
    checkpoint: checkpoint?.toString('utf8') ?? null,
    migrations: [...rows.migrations],
    tables: [...rows.tables],
    sequences: [...rows.sequences],
    bucket: source.bucket ?? null,
  };
  await folder.publish(id, sealManifest(manifest, source.keys));
  options.step?.('published');
  // Not before: the backup that was the newest needs them, it knows nothing of their erasure.
  for (const name of rows.keys.erased) await folder.keys.delete(name);
  const backups = await removeOld(folder, source.keys, options.keep);
  return {
    id,
    ...rows.state,
    rows: rows.tables.reduce((sum, table) => sum + table.rows, 0),
    copied: { ...copied, keys: newKeys + rows.keys.copied },
    erasedKeys: rows.keys.erased.length,
    lostKeys: rows.keys.lost,
    backups,
  };
}

/** The rows of one moment, with all keys that they need. */
async function readRows(source: BackupSource, folder: BackupFolder, options: BackupOptions): Promise<Rows> {
  let lost: readonly string[] = [];
  for (let attempt = 1; ; attempt++) {
    const rows = await readRowsOnce(source, folder, options);
    // Those that were missing the last time too are lost; the others were erased a moment ago.
    const gone = rows.keys.lost.filter((name) => !lost.includes(name));
    if (gone.length === 0) return rows;
    if (attempt >= ATTEMPTS) {
      throw new CairnError('UNAVAILABLE', 'Keys are erased faster than rows are read: try again.', {
        retryAfter: 60,
      });
    }
    lost = rows.keys.lost;
  }
}

async function readRowsOnce(
  { pool, keyObjects }: BackupSource,
  folder: BackupFolder,
  { onProgress }: BackupOptions,
): Promise<Rows> {
  const tables: TableFile[] = [];
  const write = async (snapshot: TableSnapshot, locked: boolean): Promise<void> => {
    for (const table of await snapshot.tables()) {
      if (table.name === MIGRATIONS_TABLE || TRUNCATED_TABLES.includes(table.name) !== locked) continue;
      onProgress?.(`rows of ${table.name}`);
      tables.push(await writeTable(folder, snapshot, table));
    }
  };
  await using snapshot = await TableSnapshot.take(pool, TRUNCATED_TABLES, (locked) => write(locked, true));
  await write(snapshot, false);
  const { client } = snapshot;
  return {
    state: await readLogState(client),
    migrations: await appliedMigrations(client),
    tables,
    sequences: await snapshot.sequences(),
    keys: await matchKeys(client, keyObjects, folder.keys),
  };
}

async function newest(folder: BackupFolder, keys: KeyProvider): Promise<Manifest | undefined> {
  const id = (await folder.snapshots()).at(-1);
  return id === undefined ? undefined : openManifest(await folder.read(id), keys, id);
}

/** How many first records the log has in common with a backup: fewer than that had when it was restored since. */
function sharedRecords(before: Manifest | undefined, now: LogState): number {
  if (before === undefined || before.log !== now.log || before.bucket !== null) return 0;
  return sharedLog(before, now).records;
}

/** Later than the newest, whatever the clock says. */
function nextId(before: string | undefined): string {
  const now = new Date().toISOString().replaceAll(/[-:.]/g, '');
  return before === undefined || now > before ? now : after(before);
}

function after(id: string): string {
  const [, year, month, day, hour, minute, second, ms] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/.exec(id) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  return new Date(time + 1).toISOString().replaceAll(/[-:.]/g, '');
}

async function removeOld(folder: BackupFolder, keys: KeyProvider, keep: number): Promise<readonly string[]> {
  const all = await folder.snapshots();
  const kept = all.slice(-keep);
  for (const id of all.slice(0, -keep)) await folder.remove(id);
  const used = new Set<string>();
  for (const id of kept) {
    for (const { sha256 } of openManifest(await folder.read(id), keys, id).tables)
      used.add(tableName(sha256));
  }
  await folder.removeTables(used);
  return kept;
}
