import { checkVersion } from '#cli/data-folder';
import { openBase, openInstallation, openInstallationJournal } from '#cli/installation';
import { firstAdministrator } from '#cli/own-trail';
import type { Config } from '#platform/config';
import { migrate } from '#platform/db';
import { createLog } from '#platform/log';
import { Shutdown } from '#platform/shutdown';

export interface Prepared {
  /** Migrations that ran. */
  readonly migrations: readonly string[];
  /** The text of the first administrator's key, when there was no key at all. */
  readonly administratorKey: string | undefined;
}

/**
 * What comes before any process serves: the database's shape, the journal's recovery, the first key. With `show`
 * that key is made only once it was shown; without it, the folder says whether the last one was.
 */
export async function prepareInstallation(
  config: Config,
  show?: (administratorKey: string) => Promise<void>,
): Promise<Prepared> {
  if (config.postgresUrl === undefined) throw new Error('Preparing needs CAIRN_POSTGRES_URL.');
  const migrations = await migrate(config.postgresUrl);
  const shutdown = new Shutdown(createLog({ level: 'warn', name: 'prepare' }));
  try {
    const installation = await openInstallation(openBase(config, 'prepare', shutdown), shutdown);
    await openInstallationJournal(installation, shutdown, { recover: true });
    const version = await checkVersion(installation.layout.root);
    const unseen = show === undefined && version?.administratorKeyShown === false;
    const administratorKey = await firstAdministrator(installation, {
      unseen,
      ...(show === undefined ? {} : { show }),
    });
    return { migrations, administratorKey };
  } finally {
    await shutdown.run('prepared');
  }
}
