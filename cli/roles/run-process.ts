import { nameOf } from '#cli/roles/roles';
import type { Roles } from '#cli/roles/roles';
import type { Config } from '#platform/config';
import { createLog } from '#platform/log';
import { Shutdown, onStopSignals } from '#platform/shutdown';

export interface ProcessOptions {
  readonly roles: Roles;
  readonly config: Config;
  /** Hears where it answers. */
  readonly onReady: (url: string) => Promise<void> | void;
  /** Milliseconds from the first signal after which the process ends, whatever is in hand; undefined: never. */
  readonly endMs?: number;
}

/** Runs these roles in this process until it is told to stop, or until whoever holds its channel is gone. */
export async function runProcess({ roles, config, onReady, endMs }: ProcessOptions): Promise<void> {
  const log = createLog({ level: config.logLevel, name: nameOf(roles) });
  const shutdown = new Shutdown(log);
  const end = (reason: string, again = false): void => {
    if (again) process.exit(1);
    if (endMs !== undefined) {
      setTimeout(() => {
        log.error({ endMs }, 'did not stop in time');
        process.exit(1);
      }, endMs).unref();
    }
    void shutdown.run(reason).then((clean) => process.exit(clean ? 0 : 1));
  };
  onStopSignals(end);
  process.once('disconnect', () => end('the supervisor is gone'));
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'unexpected');
    process.exit(1);
  });
  try {
    // Loaded when it runs, so that the other commands start at once.
    const { serveRoles } = await import('#cli/roles/serve');
    const { url } = await serveRoles(config, roles, shutdown);
    await onReady(url);
  } catch (error) {
    log.fatal({ error }, 'did not start');
    // What was opened would keep the process, and with it whoever waits for it.
    await shutdown.run('did not start');
    process.exit(1);
  }
}
