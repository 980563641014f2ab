import { checkVersion } from '#cli/data-folder';
import { openBase, openInstallation, openInstallationJournal } from '#cli/installation';
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

/** What comes before any process serves: the database's shape, the journal's recovery, the first key. */
export async function prepareInstallation(config: Config): Promise<Prepared> {
  if (config.postgresUrl === undefined) throw new Error('Preparing needs CAIRN_POSTGRES_URL.');
  const migrations = await migrate(config.postgresUrl);
  const shutdown = new Shutdown(createLog({ level: 'warn', name: 'prepare' }));
  try {
    const installation = await openInstallation(openBase(config, 'prepare', shutdown), shutdown);
    await openInstallationJournal(installation, shutdown, { recover: true });
    const unseen = (await checkVersion(installation.layout.root))?.administratorKeyShown === false;
    const administratorKey = await installation.organization.keys.createFirstAdministrator(unseen);
    return { migrations, administratorKey: administratorKey ?? undefined };
  } finally {
    await shutdown.run('prepared');
  }
}
