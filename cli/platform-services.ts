import type { DataFolder } from '#cli/data-folder';
import type { Config } from '#platform/config';
import type { Log } from '#platform/log';
import type { RunningPostgres } from '#platform/postgres/start-postgres';
import { startPostgres } from '#platform/postgres/start-postgres';

/** PostgreSQL for the platform's processes: the embedded one, kept running, or one that others run. */
export interface Database {
  readonly url: string;
  stop(): Promise<void>;
}

export interface DatabaseOptions {
  readonly config: Config;
  readonly folder: DataFolder;
  readonly log: Log;
  /** The embedded server had to move to another port: everyone who knows the address must learn the new one. */
  readonly onMoved: (url: string) => void;
  /** The embedded server ended and could not be started again. */
  readonly onLost: (error: unknown) => void;
}

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { postgresUrl } = options.config;
  if (postgresUrl !== undefined) return { url: postgresUrl, stop: () => Promise.resolve() };
  const server = new EmbeddedServer(options);
  await server.start();
  return server;
}

/** Begins the server again when it ends, on the same port, so that the others' pools find it by themselves. */
class EmbeddedServer implements Database {
  readonly #options: DatabaseOptions;
  #server: RunningPostgres | undefined;
  #stopping = false;
  #watch: Promise<void> | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  get url(): string {
    if (this.#server === undefined) throw new Error('The embedded PostgreSQL was not started.');
    return this.#server.url;
  }

  async start(): Promise<void> {
    this.#server = await this.#launch(undefined);
    if (this.#server.adopted) this.#options.log.warn('took over the PostgreSQL that a crash left running');
    this.#watch = this.#keepAlive(this.#server);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#server?.stop();
    await this.#watch;
  }

  async #keepAlive(server: RunningPostgres): Promise<void> {
    for (let current = server; ;) {
      await current.exited;
      if (this.#stopping) return;
      this.#options.log.warn('PostgreSQL ended; it is begun again');
      try {
        const next = await this.#launch(current.url);
        this.#server = next;
        if (next.url !== current.url) this.#options.onMoved(next.url);
        current = next;
      } catch (error) {
        this.#options.onLost(error);
        return;
      }
    }
  }

  async #launch(before: string | undefined): Promise<RunningPostgres> {
    const { folder, log } = this.#options;
    const started = await startPostgres({
      dataDir: folder.root,
      port: before === undefined ? undefined : Number(new URL(before).port),
      log: (line) => log[levelOf(line)]({ line }, 'PostgreSQL says'),
    });
    // Asked to stop while it was starting: nobody else would end it.
    if (this.#stopping) await started.stop();
    return started;
  }
}

/**
 * Ordinary remarks matter to nobody but us, nor do refusals of connections while it starts or ends. That a key of
 * the journal exists is how a commit learns of a duplicate.
 */
const ORDINARY =
  / (LOG|HINT|DETAIL|CONTEXT|STATEMENT): |FATAL: +the database system is (starting up|not yet accepting connections|shutting down)|unique constraint "journal_key_/;

export function levelOf(line: string): 'debug' | 'warn' {
  return ORDINARY.test(line) ? 'debug' : 'warn';
}
