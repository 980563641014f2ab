import type { Command } from 'commander';
import { API, WORKER, nameOf } from '#cli/roles/roles';
import type { Roles } from '#cli/roles/roles';
import type { Config } from '#platform/config';
import { loadConfig } from '#platform/config';
import { createLog } from '#platform/log';
import { Shutdown, onStopSignals } from '#platform/shutdown';

/**
 * The processes that the supervisor runs; people start them by hand only in a cluster. Their rooms are loaded
 * when one runs, so that the other commands start at once.
 */
export function register(program: Command): void {
  program
    .command('prepare', { hidden: true })
    .description('migrate the database and recover the journal')
    .action(async () => {
      const { prepareInstallation } = await import('#cli/prepare');
      tell({ type: 'prepared', ...(await prepareInstallation(loadConfig())) });
    });
  program
    .command('api', { hidden: true })
    .description('run the process that answers')
    .action(async () => {
      await serve(API, (config) => config);
    });
  program
    .command('worker', { hidden: true })
    .description('run the process that moves projections and runs jobs')
    .action(async () => {
      // Nothing of it is for callers: health and metrics alone, on the loopback.
      await serve(WORKER, (config) => ({
        ...config,
        host: '127.0.0.1',
        port: config.workerPort,
        tlsCert: undefined,
        tlsKey: undefined,
      }));
    });
}

/** Runs until told to stop, or until the supervisor is gone. */
async function serve(roles: Roles, adjust: (config: Config) => Config): Promise<void> {
  const config = adjust(loadConfig());
  const log = createLog({ level: config.logLevel, name: nameOf(roles) });
  const shutdown = new Shutdown(log);
  const end = (reason: string, again = false): void => {
    if (again) process.exit(1);
    void shutdown.run(reason).then((clean) => process.exit(clean ? 0 : 1));
  };
  onStopSignals(end);
  process.once('disconnect', () => end('the supervisor is gone'));
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'unexpected');
    process.exit(1);
  });
  try {
    const { serveRoles } = await import('#cli/roles/serve');
    const { url } = await serveRoles(config, roles, shutdown);
    tell({ type: 'ready', url });
  } catch (error) {
    log.fatal({ error }, 'did not start');
    // What was opened would keep the process, and with it the supervisor's start, waiting.
    await shutdown.run('did not start');
    process.exit(1);
  }
}

function tell(message: object): void {
  process.send?.(message);
}
