import { locateDataFolder } from '#cli/data-folder';
import { runProcess } from '#cli/roles/run-process';
import type { Roles } from '#cli/roles/roles';
import { SUBGRAPH_NAMES, nameOf } from '#cli/roles/roles';
import { CairnError } from '#domain/errors';
import type { Config } from '#platform/config';
import { ConfigError } from '#platform/config';
import { pendingMigrations } from '#platform/db';

/** Runs roles of a cluster in the foreground, without supervisor and embedded services. @throws ConfigError, CairnError */
export async function startRoles(
  roles: Roles,
  config: Config,
  say: (text: string) => Promise<void>,
): Promise<void> {
  const postgresUrl = checkRoles(roles, config);
  const { root } = await locateDataFolder(config.dataDir, false);
  // A gateway alone may come to the table of keys and to nothing else.
  if (!(roles.size === 1 && roles.has('gateway'))) await checkPrepared(postgresUrl);
  const endMs = (config.drainSeconds + config.stopSeconds) * 1_000;
  const onReady = (url: string): Promise<void> => say(`Cairn ${nameOf(roles)} is ready at ${url}`);
  await runProcess({ roles, config: { ...config, dataDir: root }, onReady, endMs });
}

/** What a process of these roles cannot do without. Gives the address of the database. @throws ConfigError */
function checkRoles(roles: Roles, { postgresUrl, subgraphs }: Config): string {
  const mistakes: string[] = [];
  const known: readonly string[] = SUBGRAPH_NAMES;
  for (const name of Object.keys(subgraphs)) {
    if (!known.includes(name)) mistakes.push(`CAIRN_SUBGRAPHS ${name} is none of ${known.join(', ')}.`);
  }
  const missing = SUBGRAPH_NAMES.filter((name) => !roles.has(name) && subgraphs[name] === undefined);
  if (roles.has('gateway') && missing.length > 0) {
    mistakes.push(`CAIRN_SUBGRAPHS must say where the gateway finds ${missing.join(', ')}.`);
  }
  if (postgresUrl !== undefined && mistakes.length === 0) return postgresUrl;
  if (postgresUrl === undefined) {
    mistakes.push('CAIRN_POSTGRES_URL must be set: a process of a cluster has no PostgreSQL of its own.');
  }
  throw new ConfigError(mistakes);
}

async function checkPrepared(postgresUrl: string): Promise<void> {
  let pending: readonly string[];
  try {
    pending = await pendingMigrations(postgresUrl);
  } catch (cause) {
    throw new CairnError('UNAVAILABLE', 'PostgreSQL (CAIRN_POSTGRES_URL) does not answer.', { cause });
  }
  if (pending.length === 0) return;
  throw new CairnError(
    'UNAVAILABLE',
    `The database lacks ${pending.length} migrations: run cairn prepare first.`,
  );
}
