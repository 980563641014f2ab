import { checkVersion, layoutOf, locateDataFolder } from '#cli/data-folder';
import type { DataLayout } from '#cli/data-folder';
import { findMasterKey, masterKeyName } from '#cli/master-key';
import { openObjectReaders } from '#cli/object-stores';
import type { ObjectReaders } from '#cli/object-stores';
import { CairnError } from '#domain/errors';
import { loadConfig } from '#platform/config';
import type { Pool } from '#platform/db';
import { createPool } from '#platform/db';
import type { KeyProvider } from '#platform/keys';
import { runningPostgresUrl } from '#platform/postgres/start-postgres';

/** The journal's files of an installation, in its data folder or in S3, for commands that read them without the platform. */
export interface JournalFiles extends ObjectReaders {
  readonly layout: DataLayout;
  /** For people: where the master key is. */
  readonly masterKey: string;
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
  const readers = await openObjectReaders(config, layout);
  return {
    layout,
    masterKey: masterKeyName(config, layout),
    ...readers,
    keys: await findMasterKey(config, layout, readers.keyObjects),
  };
}

/** The database of the data folder while its platform runs, or the configured one; undefined when neither answers. */
export async function databaseOf(layout: DataLayout): Promise<Pool | undefined> {
  const url = loadConfig().postgresUrl ?? (await runningPostgresUrl(layout.root));
  return url === undefined ? undefined : createPool(url, { name: 'cairn-cli', max: 2 });
}
