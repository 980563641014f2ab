import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';

import type { BackupFolder } from '#cli/backup/backup-folder';
import { deleteDestroyedKeys } from '#cli/backup/copy-keys';
import type { Manifest } from '#cli/backup/manifest';
import { openManifest } from '#cli/backup/manifest';
import type { RestoredFiles } from '#cli/backup/restore-files';
import { restoreFiles } from '#cli/backup/restore-files';
import { checkEmpty, restoreRows } from '#cli/backup/restore-rows';
import type { RowsToRestore } from '#cli/backup/restore-rows';
import { checkTables } from '#cli/backup/table-files';
import type { TargetFolder } from '#cli/backup/target-folder';
import { openTarget } from '#cli/backup/target-folder';
import { withOwnDatabase } from '#cli/backup/with-postgres';
import type { DataLayout } from '#cli/data-folder';
import { writeVersion } from '#cli/data-folder';
import { firstAdministrator } from '#cli/own-trail';
import { openBase, openInstallation, openInstallationJournal } from '#cli/installation';
import type { Installation } from '#cli/installation';
import { findMasterKey, masterKeyName } from '#cli/master-key';
import { openObjectStores } from '#cli/object-stores';
import { CairnError } from '#domain/errors';
import { accountsWithEvents, hasLog } from '#journal/store/backup-store';
import { markEndUnknown } from '#journal/store/replay-store';
import type { Place } from '#journal/types';
import type { Finding } from '#journal/verify/finding';
import { verifyRows } from '#journal/verify/rows-check';
import { verifyJournal } from '#journal/verify/verify';
import type { Config } from '#platform/config';
import type { Pool } from '#platform/db';
import { migrate } from '#platform/db';
import { writeFileDurably } from '#platform/files';
import { createLog } from '#platform/log';
import { Shutdown } from '#platform/shutdown';

export interface RestoreOptions {
  readonly config: Config;
  readonly data: string;
  /** Without one, what is there is brought together. */
  readonly backup: BackupFolder | undefined;
  /** Which backup's rows; the newest unless told. Objects and keys are always the newest. */
  readonly id?: string | undefined;
  /** A copy of the master key's file. */
  readonly masterKey?: string | undefined;
  readonly verify: boolean;
  readonly onProgress?: (what: string) => void;
  /** For tests that end it there. */
  readonly step?: (name: string) => void;
}

export interface RestoreReport {
  readonly folder: string;
  readonly backup: Pick<Manifest, 'id' | 'at' | 'position'> | undefined;
  readonly files: RestoredFiles;
  /** Rows were there, from the backup or before; otherwise they are made of objects alone. */
  readonly rows: 'backup' | 'there' | 'objects';
  /** Where the log goes on. */
  readonly head: Place;
  /** Keys that came back and that an erasure had destroyed. */
  readonly erasedKeys: number;
  /** The first administrator's key, when there was no key at all. */
  readonly administratorKey: string | undefined;
  /** Accounts that have events; told when nothing else is known of them. */
  readonly accounts: readonly string[];
  /** Undefined when it was not asked for. */
  readonly verified: { readonly ok: boolean; readonly findings: readonly Finding[] } | undefined;
}

/**
 * Makes a data folder out of a backup, or brings rows and objects of one together after either was lost or put
 * back by other means. Begun again after any interruption it goes on; nothing starts on the folder before its end.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const { config, backup } = options;
  const id = backup === undefined ? null : (options.id ?? (await newestId(backup)));
  const target = await openTarget({
    data: options.data,
    anchor: config.anchorDir,
    embedded: config.postgresUrl === undefined,
    backup: id,
    hasKeys: (layout) => hasKeys(config, layout),
  });
  const run = new RestoreRun(options, target, id);
  try {
    return await withOwnDatabase(config, target.layout, ({ pool, url }) => run.run(pool, url));
  } catch (error) {
    // Refused before anything was changed: the folder is as it was.
    if (!run.changed && !target.resumed) await target.finish();
    throw error;
  } finally {
    target.release();
  }
}

class RestoreRun {
  changed = false;
  readonly #options: RestoreOptions;
  readonly #target: TargetFolder;
  readonly #id: string | null;
  readonly #step: (name: string) => void;

  constructor(options: RestoreOptions, target: TargetFolder, id: string | null) {
    this.#options = options;
    this.#target = target;
    this.#id = id;
    this.#step = options.step ?? ((): void => undefined);
  }

  async run(pool: Pool, url: string): Promise<RestoreReport> {
    const { config, onProgress, verify } = this.#options;
    const { layout, restore } = this.#target;
    const rows: RowsToRestore = { pool, url, restore: restore.id, onProgress };
    const from = await this.#check(rows);
    this.changed = true;
    await rm(layout.history, { recursive: true, force: true });
    const hadRows = await hasLog(pool);
    const shutdown = new Shutdown(createLog({ level: 'warn', name: 'restore' }));
    // What the log would warn of, a new epoch above all, is in the report.
    const place = { dataDir: layout.root, anchorDir: layout.anchor, postgresUrl: url };
    const own = { ...config, ...place, logLevel: 'error' as const };
    try {
      const files = await this.#files(own, from);
      if (from !== undefined) await restoreRows(rows, from.backup, from.manifest);
      this.#step('rows');
      await migrate(url);
      const installation = await openInstallation(openBase(own, 'restore', shutdown), shutdown);
      const joined = await this.#join(installation, shutdown);
      const verified = verify ? await check(installation, onProgress) : undefined;
      const report = {
        folder: layout.root,
        backup: from?.manifest,
        files,
        rows: from !== undefined ? ('backup' as const) : hadRows ? ('there' as const) : ('objects' as const),
        accounts: await accountsWithEvents(pool),
        verified,
        ...joined,
      };
      await this.#finish(report, from?.manifest.installation);
      return report;
    } finally {
      await shutdown.run('restored');
    }
  }

  /** All that can be refused is refused here: nothing is changed yet. */
  async #check(rows: RowsToRestore): Promise<Source | undefined> {
    const { backup, config } = this.#options;
    const { layout, installation } = this.#target;
    await this.#bringMasterKey();
    if (backup === undefined || this.#id === null) {
      if (installation !== undefined) return undefined;
      throw new CairnError('INVALID_ARGUMENT', `There is no data of Cairn in ${layout.root}: say --from.`);
    }
    const keys = await findMasterKey(config, layout, backup.keys);
    if (keys === undefined) {
      throw new CairnError(
        'INVALID_ARGUMENT',
        `The master key is not in the backup: put your copy at ${masterKeyName(config, layout)}, or say --master-key.`,
      );
    }
    const manifest = openManifest(await backup.read(this.#id), keys, this.#id);
    const newest = await newestId(backup);
    const source = { backup, manifest, newest: openManifest(await backup.read(newest), keys, newest) };
    if (installation !== undefined && installation !== manifest.installation) {
      throw new CairnError('INVALID_ARGUMENT', `${layout.root} is of another installation than the backup.`);
    }
    await checkEmpty(rows);
    this.#options.onProgress?.('checking the backup');
    await checkTables(backup, manifest.tables);
    return source;
  }

  async #bringMasterKey(): Promise<void> {
    const { masterKey } = this.#options;
    const { layout } = this.#target;
    if (masterKey === undefined || existsSync(layout.masterKey)) return;
    const text = await readFile(masterKey, 'utf8').catch((cause: unknown) => {
      throw new CairnError('INVALID_ARGUMENT', `Cannot read ${masterKey}.`, { path: 'master-key', cause });
    });
    await writeFileDurably(layout.masterKey, text);
  }

  async #files(config: Config, from: Source | undefined): Promise<RestoredFiles> {
    if (from === undefined) return { keys: 0, objects: 0 };
    const stores = await openObjectStores(config, this.#target.layout);
    try {
      const { onProgress } = this.#options;
      const { bringsKeys } = this.#target.restore;
      return await restoreFiles({ ...from, to: stores, bringsKeys, onProgress, step: this.#step });
    } finally {
      stores.close();
    }
  }

  /** Rows and objects together, in a new epoch; erased keys destroyed again; somebody who may sign in. */
  async #join(
    installation: Installation,
    shutdown: Shutdown,
  ): Promise<Pick<RestoreReport, 'head' | 'erasedKeys' | 'administratorKey'>> {
    const { pool, keyObjects } = installation.journalDeps;
    await markEndUnknown(pool);
    const journal = await openInstallationJournal(installation, shutdown, { recover: true, restored: true });
    this.#step('recovered');
    const client = await pool.connect();
    try {
      const erasedKeys = await deleteDestroyedKeys(client, keyObjects);
      this.#step('erased');
      // An earlier run may have made one that nobody saw.
      const unseen = this.#id === null && this.#target.resumed;
      const administratorKey = await firstAdministrator(installation, { unseen });
      return { head: await journal.head(), erasedKeys, administratorKey };
    } finally {
      client.release();
    }
  }

  /** A backup that was altered is not served; what was there before is, whatever is wrong with it. */
  async #finish({ verified }: RestoreReport, installation: string | undefined): Promise<void> {
    const { layout, restore } = this.#target;
    if (verified?.ok === false && !restore.inPlace) return;
    if (installation !== undefined && !restore.inPlace) await writeVersion(layout, installation, true);
    this.#step('version');
    await this.#target.finish();
  }
}

interface Source {
  readonly backup: BackupFolder;
  readonly manifest: Manifest;
  readonly newest: Manifest;
}

async function newestId(backup: BackupFolder): Promise<string> {
  const id = (await backup.snapshots()).at(-1);
  if (id !== undefined) return id;
  throw new CairnError('NOT_FOUND', `${backup.root} holds no finished backup.`);
}

async function hasKeys(config: Config, layout: DataLayout): Promise<boolean> {
  const stores = await openObjectStores(config, layout);
  try {
    for await (const _ of stores.keyObjects.list('signing/')) return true;
    return false;
  } finally {
    stores.close();
  }
}

/** As `cairn verify` does. */
async function check(
  { journalDeps }: Installation,
  onProgress: ((what: string) => void) | undefined,
): Promise<NonNullable<RestoreReport['verified']>> {
  const show = ({ events }: { readonly events: number }): void => onProgress?.(`verifying: ${events} events`);
  const files = await verifyJournal({ ...journalDeps, onProgress: show });
  const rows = await verifyRows(journalDeps);
  return { ok: files.ok && rows.ok, findings: [...files.findings, ...rows.findings] };
}
