import type { Command } from 'commander';

import type { CliContext } from '#cli/cli-context';
import { CairnClient } from '#cli/client';
import type { DataFolder } from '#cli/data-folder';
import { DataFolderError, locateDataFolder, openDataFolder } from '#cli/data-folder';
import { runDemo } from '#cli/demo';
import { FolderLockedError } from '#cli/folder-lock';
import { checkMasterKey, masterKeyName } from '#cli/master-key';
import { objectPlaces, placeName } from '#cli/object-places';
import { OutputGone } from '#cli/output/print';
import { readProfile, updateProfile, writeProfile } from '#cli/profile';
import { parseRoles } from '#cli/roles/roles';
import { startRoles } from '#cli/roles/start-role';
import { Supervisor } from '#cli/supervisor';
import { CairnError } from '#domain/errors';
import type { Config } from '#platform/config';
import { ConfigError, loadClientConfig, loadConfig } from '#platform/config';
import type { Log } from '#platform/log';
import { createLog } from '#platform/log';
import { Shutdown, onStopSignals } from '#platform/shutdown';

interface StartFlags {
  readonly data?: string;
  readonly port?: string;
  readonly demo?: boolean;
  readonly role?: string;
}

export interface StartOptions {
  readonly config: Config;
  readonly logLevel: string;
  readonly demo: boolean;
  /** Folder of the CLI's profile, and a key for the demonstration where the profile is of another installation. */
  readonly client: { readonly profileDir: string; readonly apiKey: string | undefined };
  /** A line, or several, for people. */
  readonly say: (text: string) => Promise<void>;
  /** In place of the product's own program for the processes. */
  readonly program?: string;
}

/** After the last process: the folder is free for the next start. */
const END_FOLDER = 9;

export function register(program: Command, cli: CliContext): void {
  program
    .command('start')
    .description('run the platform here: PostgreSQL, the api and the worker process')
    .option('--data <folder>', 'the data folder (CAIRN_DATA, else ./data)')
    .option('--port <number>', 'the port to listen on (CAIRN_PORT, else 4600; 0 takes a free one)')
    .option(
      '--role <roles>',
      'one process of a cluster in place of all: gateway, organization, events, trails, lake, insights, worker, several with commas, or api for all but the worker',
    )
    .option('--demo', 'also record a generated month of activity, then some events a second')
    .action(async (flags: StartFlags) => {
      const config = loadConfigWith(flags);
      const client = loadClientConfig();
      // The platform goes on when nobody reads these lines any more (`| head`).
      const say = (text: string): Promise<void> =>
        cli.print(`${text}\n`).catch((error: unknown) => {
          if (!(error instanceof OutputGone)) throw error;
        });
      if (flags.role !== undefined) {
        if (flags.demo) throw new ConfigError(['--demo is for a platform in one place, not for --role.']);
        return startRoles(parseRoles(flags.role), config, say);
      }
      // People at a terminal read the lines below, not JSON.
      const logLevel = process.stderr.isTTY && config.logLevel === 'info' ? 'warn' : config.logLevel;
      cli.exitWith(await startCommand({ config, client, say, logLevel, demo: flags.demo ?? false }));
    });
}

/** Runs the platform until it is told to stop; resolves with the exit code. @throws CairnError */
export async function startCommand(options: StartOptions): Promise<number> {
  const log = createLog({ level: options.logLevel, name: 'supervisor' });
  const shutdown = new Shutdown(log);
  const stop = new AbortController();
  const forget = onStopSignals((signal, again) => {
    if (again) process.exit(1);
    stop.abort(signal);
  });
  // Our own starter (an older Node) is gone: nobody would stop us any more.
  const orphaned = (): void => stop.abort('the starter is gone');
  if (process.connected) process.once('disconnect', orphaned);
  let lost: unknown;
  try {
    const running = run(options, { log, shutdown, stop }, (error) => {
      lost = error;
      stop.abort('a part is lost');
    });
    await Promise.race([running, aborted(stop.signal)]);
    // A start that was interrupted still ends its parts; its own failure then says nothing new.
    await shutdown.run(String(stop.signal.reason));
    await running.catch((error: unknown) => log.debug({ error }, 'the start was interrupted'));
    const clean = await shutdown.run('interrupted');
    if (lost !== undefined) throw explain(lost);
    return clean ? 0 : 1;
  } catch (error) {
    await shutdown.run('failed');
    throw explain(error);
  } finally {
    forget();
    process.off('disconnect', orphaned);
  }
}

interface Surroundings {
  readonly log: Log;
  readonly shutdown: Shutdown;
  readonly stop: AbortController;
}

async function run(
  options: StartOptions,
  { log, shutdown, stop }: Surroundings,
  onLost: (error: unknown) => void,
): Promise<void> {
  const { config, say } = options;
  const location = await locateDataFolder(config.dataDir, config.postgresUrl === undefined);
  if (location.moved !== undefined) await say(location.moved);
  const folder = await openDataFolder(location.root, config.anchorDir);
  const release = async (): Promise<void> => folder.release();
  shutdown.add({ name: 'data folder', stage: END_FOLDER, timeout: 1_000, run: release });
  await checkMasterKey(config, folder);
  const supervisor = new Supervisor({ ...options, folder, log, shutdown, onLost });
  const made = await supervisor.prepare();
  const { profileDir } = options.client;
  const { installation } = folder;
  const address = clientUrl(config);
  if (made !== undefined) await writeProfile(profileDir, { installation, url: address, apiKey: made });
  stop.signal.throwIfAborted();
  const { url } = await supervisor.start();
  const profile = await updateProfile(profileDir, { installation, url: reachable(url) });
  // A first start that was killed before it could show the key left it in the profile. A key that is made later,
  // because the database was lost, is as new to people as the first.
  const shown = made ?? (folder.needsAdministratorKey ? profile?.apiKey : undefined);
  await say(welcome({ config, folder, url: reachable(url), key: shown, profileDir }));
  if (shown !== undefined) await folder.keyShown();
  if (options.demo) await startDemo(options, reachable(url), { installation, stop: stop.signal });
  await aborted(stop.signal);
}

async function startDemo(
  { client, say }: StartOptions,
  url: string,
  { installation, stop }: { readonly installation: string; readonly stop: AbortSignal },
): Promise<void> {
  const profile = readProfile(client.profileDir);
  const apiKey = profile?.installation === installation ? profile.apiKey : client.apiKey;
  if (apiKey === undefined) {
    await say('The demonstration needs an administrator’s key: set CAIRN_API_KEY.');
    return;
  }
  const print = (line: string): void => void say(line);
  try {
    await runDemo({ client: new CairnClient({ url, apiKey }), signal: stop, print });
  } catch (error) {
    if (stop.aborted) return;
    await say(`The demonstration ended: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface Welcome {
  readonly config: Config;
  readonly folder: DataFolder;
  readonly url: string;
  readonly key: string | undefined;
  readonly profileDir: string;
}

function welcome({ config, folder, url, key, profileDir }: Welcome): string {
  const database = config.postgresUrl === undefined ? 'embedded' : 'of CAIRN_POSTGRES_URL';
  const lines = [
    'Cairn is ready.',
    `  GraphQL       ${url}/graphql   (open it in a browser for GraphiQL)`,
    `  Bulk events   ${url}/v1/events`,
    `  Data          ${folder.root}   (checkpoints also in ${folder.anchor}; PostgreSQL ${database})`,
    ...objectLines(config, folder),
    `  Master key    ${masterKeyName(config, folder)}   without it nothing can be read${config.kmsMasterKey === undefined ? ': keep a copy elsewhere' : ''}`,
  ];
  if (key !== undefined) {
    lines.push(
      '',
      `  Administrator's API key, shown this once:`,
      `  ${key}`,
      `  The commands find it in ${profileDir}/profile.json.`,
    );
  }
  lines.push(
    '',
    'Try next:',
    '  ./cairn import <folder with CloudTrail files>',
    `  ./cairn events --filter 'eventName=ConsoleLogin'`,
    '  ./cairn verify',
    'Ctrl-C stops it.',
  );
  return lines.join('\n');
}

/** Where objects and keys are when they are not in the data folder. */
function objectLines(config: Config, folder: DataFolder): readonly string[] {
  const { objects, keys } = objectPlaces(config, folder);
  return 'folder' in objects ? [] : [`  Objects       ${placeName(objects)}, keys in ${placeName(keys)}`];
}

function loadConfigWith({ data, port }: StartFlags): Config {
  return loadConfig(undefined, {
    ...(data === undefined ? {} : { CAIRN_DATA: data }),
    ...(port === undefined ? {} : { CAIRN_PORT: port }),
  });
}

/** Where commands on this machine find the platform, before it has said so itself. */
function clientUrl({ host, port, tlsCert }: Config): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return reachable(`${tlsCert === undefined ? 'http' : 'https'}://${name}:${port}`);
}

/** `0.0.0.0` and `::` can be listened on, not called. */
function reachable(url: string): string {
  return url.replace('://0.0.0.0:', '://127.0.0.1:').replace('://[::]:', '://[::1]:');
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function explain(error: unknown): unknown {
  if (error instanceof ConfigError || error instanceof CairnError || !(error instanceof Error)) return error;
  const code = error instanceof DataFolderError ? 'INVALID_ARGUMENT' : 'UNAVAILABLE';
  const known = error instanceof DataFolderError || error instanceof FolderLockedError;
  return new CairnError(code, known ? error.message : `Cairn did not start: ${error.message}`, {
    cause: error,
  });
}
