import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupFolder } from '#cli/backup/backup-folder';
import { restoreBackup, type RestoreOptions, type RestoreReport } from '#cli/backup/restore-backup';
import { takeBackup, type BackupOptions, type BackupReport } from '#cli/backup/take-backup';
import { openDataFolder } from '#cli/data-folder';
import { openBase, openInstallation, openInstallationJournal, type Installation } from '#cli/installation';
import type { OpenJournal } from '#journal/journal';
import { loadConfig, type Config } from '#platform/config';
import { createLog } from '#platform/log';
import { Shutdown } from '#platform/shutdown';
import { createTestDatabase, temporaryFolder, type TestDatabase } from '#test/harness';

/** Data folders with their databases, and one folder of backups, in a test. */
export interface BackupBed {
  readonly folder: string;
  readonly backups: string;
  /** Makes an installation, or opens the one of this name, with a database of its own unless one is given. */
  open(name: string, database?: TestDatabase): Promise<TestInstallation>;
  database(): Promise<TestDatabase>;
  configOf(name: string, database: TestDatabase): Config;
  /** `bucket`: where the objects stay. */
  backup(of: TestInstallation, options?: Partial<BackupOptions>, bucket?: string): Promise<BackupReport>;
  /** Restores into the folder of this name; from the backups unless told. */
  restore(
    name: string,
    database: TestDatabase,
    options?: Partial<RestoreOptions> & { readonly without?: true },
  ): Promise<RestoreReport>;
  remove(): Promise<void>;
}

export interface TestInstallation extends Installation {
  readonly database: TestDatabase;
  readonly journal: OpenJournal;
  readonly id: string;
  close(): Promise<void>;
}

/** `variables`: of every installation in it. */
export async function createBackupBed(variables: Readonly<Record<string, string>> = {}): Promise<BackupBed> {
  const folder = await temporaryFolder();
  const databases: TestDatabase[] = [];
  const backups = join(folder, 'backups');
  const database = async (): Promise<TestDatabase> => {
    const made = await createTestDatabase();
    databases.push(made);
    return made;
  };
  const configOf = (name: string, { url }: TestDatabase): Config =>
    loadConfig({
      ...variables,
      CAIRN_DATA: join(folder, name),
      CAIRN_POSTGRES_URL: url,
      CAIRN_LOG_LEVEL: 'fatal',
    });
  return {
    folder,
    backups,
    database,
    configOf,
    open: async (name, given) => {
      const own = given ?? (await database());
      return openTestInstallation(configOf(name, own), own);
    },
    backup: async ({ id, journalDeps }, options, bucket) => {
      const to = await BackupFolder.forBackups(backups, id);
      return takeBackup({ installation: id, ...journalDeps, bucket }, to, { keep: 3, ...options });
    },
    restore: async (name, into, { without, ...options } = {}) =>
      restoreBackup({
        config: configOf(name, into),
        data: join(folder, name),
        backup: without === true ? undefined : await BackupFolder.existing(backups),
        masterKey: join(folder, 'live', 'master.key'),
        verify: true,
        ...options,
      }),
    remove: async () => {
      for (const one of databases) await one.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function openTestInstallation(config: Config, database: TestDatabase): Promise<TestInstallation> {
  const data = await openDataFolder(config.dataDir, config.anchorDir);
  const shutdown = new Shutdown(createLog({ level: 'silent', name: 'test' }));
  const installation = await openInstallation(openBase(config, 'test', shutdown), shutdown);
  const journal = await openInstallationJournal(installation, shutdown, { recover: true });
  await journal.resumeErasures();
  return {
    ...installation,
    database,
    journal,
    id: data.installation,
    close: async () => {
      await shutdown.run('closed');
      data.release();
    },
  };
}
