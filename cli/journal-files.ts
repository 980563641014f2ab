import { existsSync } from 'node:fs';
import { checkVersion, layoutOf, locateDataFolder } from '#cli/data-folder';
import type { DataLayout } from '#cli/data-folder';
import { CairnError } from '#domain/errors';
import { loadConfig } from '#platform/config';
import type { Pool } from '#platform/db';
import { createPool } from '#platform/db';
import type { KeyProvider } from '#platform/keys';
import { FileKeyProvider } from '#platform/keys';
import { DiskObjectStore } from '#platform/objects/disk-object-store';
import type { ObjectReader } from '#platform/objects/object-store';
import { runningPostgresUrl } from '#platform/postgres/start-postgres';

/** The journal's files of a data folder, for commands that read them without the platform. */
export interface JournalFiles {
  readonly layout: DataLayout;
  readonly objects: ObjectReader;
  readonly keyObjects: ObjectReader;
  /** Undefined when the folder has no anchor beside it. */
  readonly anchor: ObjectReader | undefined;
  /** Undefined when the master key is not there: what needs no key still works. */
  readonly keys: KeyProvider | undefined;
}

/** INVALID_ARGUMENT when there is no data folder of Cairn. Nothing is made or changed. */
export async function openJournalFiles(data: string | undefined): Promise<JournalFiles> {
  const config = loadConfig();
  const embedded = config.postgresUrl === undefined;
  const { root } = await locateDataFolder(data ?? config.dataDir, embedded);
  if ((await checkVersion(root)) === undefined) {
    throw new CairnError('INVALID_ARGUMENT', `There is no data of Cairn in ${root}: say --data.`);
  }
  const layout = layoutOf(root, config.anchorDir);
  return {
    layout,
    objects: DiskObjectStore.existing(layout.objects),
    keyObjects: DiskObjectStore.existing(layout.keys),
    anchor: existsSync(layout.anchor) ? DiskObjectStore.existing(layout.anchor) : undefined,
    keys: existsSync(layout.masterKey) ? await FileKeyProvider.open(layout.masterKey) : undefined,
  };
}

/** The database of the data folder while its platform runs, or the configured one; undefined when neither answers. */
export async function databaseOf(layout: DataLayout): Promise<Pool | undefined> {
  const url = loadConfig().postgresUrl ?? (await runningPostgresUrl(layout.root));
  return url === undefined ? undefined : createPool(url, { name: 'cairn-cli', max: 2 });
}
