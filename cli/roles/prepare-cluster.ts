import type { Command } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { locateDataFolder, makeDataFolder } from '#cli/data-folder';
import type { Config } from '#platform/config';
import { ConfigError, loadConfig } from '#platform/config';
import { exclusively } from '#platform/db';

/** Held while one machine prepares: 'cprp' in ASCII. */
const PREPARE_LOCK = 0x6370_7270;

export function register(program: Command, cli: CliContext): void {
  program
    .command('prepare')
    .description(
      'for a cluster: migrate the database, recover the journal, make the first key; before each version',
    )
    .option('--data <folder>', 'the data folder (CAIRN_DATA, else ./data)')
    .action(async ({ data }: { readonly data?: string }) => {
      const config = loadConfig(undefined, data === undefined ? {} : { CAIRN_DATA: data });
      await prepareCluster(config, (text) => cli.print(`${text}\n`));
    });
}

/** Safe to run from several machines at once and beside running processes. @throws ConfigError */
async function prepareCluster(config: Config, say: (text: string) => Promise<void>): Promise<void> {
  const { postgresUrl } = config;
  if (postgresUrl === undefined) {
    throw new ConfigError([
      'CAIRN_POSTGRES_URL must be set: npm start prepares the embedded PostgreSQL itself.',
    ]);
  }
  const { root } = await locateDataFolder(config.dataDir, false);
  const { prepareInstallation } = await import('#cli/prepare');
  await exclusively(postgresUrl, PREPARE_LOCK, async () => {
    const folder = await makeDataFolder(root, config.anchorDir);
    const show = (key: string): Promise<void> => say(`Administrator's API key, shown this once:\n  ${key}`);
    const { migrations } = await prepareInstallation({ ...config, dataDir: folder.root }, show);
    if (folder.needsAdministratorKey) await folder.keyShown();
    await say(`Prepared: ${migrations.length} migrations run.`);
  });
}
