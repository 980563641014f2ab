import type { Command } from 'commander';
import { runProcess } from '#cli/roles/run-process';
import { API, WORKER } from '#cli/roles/roles';
import type { Roles } from '#cli/roles/roles';
import type { Config } from '#platform/config';
import { loadConfig } from '#platform/config';

/** The processes that the supervisor runs; those of a cluster are `cairn start --role`. */
export function register(program: Command): void {
  program
    .command('supervised-prepare', { hidden: true })
    .description('migrate the database and recover the journal')
    .action(async () => {
      const { prepareInstallation } = await import('#cli/prepare');
      tell({ type: 'prepared', ...(await prepareInstallation(loadConfig())) });
    });
  program
    .command('api', { hidden: true })
    .description('run the process that answers')
    .action(() => serve(API, loadConfig()));
  program
    .command('worker', { hidden: true })
    .description('run the process that moves projections and runs jobs')
    .action(async () => {
      const config = loadConfig();
      // Nothing of it is for callers: health and metrics alone, on the loopback.
      const place = { host: '127.0.0.1', port: config.workerPort, tlsCert: undefined, tlsKey: undefined };
      await serve(WORKER, { ...config, ...place });
    });
}

/** Nobody looks elsewhere for a process of the supervisor: it does not wait for that when it stops. */
function serve(roles: Roles, config: Config): Promise<void> {
  const onReady = (url: string): void => tell({ type: 'ready', url });
  return runProcess({ roles, config: { ...config, drainSeconds: 0 }, onReady });
}

function tell(message: object): void {
  process.send?.(message);
}
