import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

import type { DataFolder } from '#cli/data-folder';
import { awaitLeftovers, processTitle, rememberProcesses } from '#cli/leftovers';
import type { Database } from '#cli/platform-services';
import { openDatabase } from '#cli/platform-services';
import { SupervisedProcess } from '#cli/supervised-process';
import type { Config } from '#platform/config';
import { childEnvironment } from '#platform/config';
import type { Log } from '#platform/log';
import type { Shutdown } from '#platform/shutdown';

const PREPARED = z.object({ type: z.literal('prepared'), administratorKey: z.string().optional() });

export interface SupervisorOptions {
  readonly config: Config;
  readonly folder: DataFolder;
  readonly log: Log;
  /** Level for the processes; theirs is our own unless told. */
  readonly logLevel: string;
  /** What was started is added here, to end in the opposite order. */
  readonly shutdown: Shutdown;
  /** Ends a platform that cannot go on. */
  readonly onLost: (error: unknown) => void;
  /** JavaScript file that takes the role as its argument; the product's own unless told. */
  readonly program?: string;
}

export interface RunningPlatform {
  /** Where the api process answers. */
  readonly url: string;
}

/** Order of the end: who answers, who works, what both stand on. */
const END = { api: 0, worker: 1, database: 2 } as const;
/** A little more than the processes give themselves. */
const API_MS = 30_000;
const WORKER_MS = 40_000;
const DATABASE_MS = 60_000;

/**
 * V8 lets the heap grow as long as it finds room, which on a large machine it always does. Measured with 300,000
 * events: without these the worker peaked at 592 MB and the api process at 507, with 8 MB and 50 % at 391 and 378,
 * for two percent more CPU. The api, whose collections others wait for, has more room: p95 beside a flood was 40 ms
 * with the worker's figures and 25 ms with these. Not a limit that a process could die of; who starts us with flags
 * of their own overrides.
 */
const SPARING = ['--max-semi-space-size=8', '--heap-growing-percent=50'];
const HEAP = {
  api: ['--max-semi-space-size=16', '--heap-growing-percent=100'],
  worker: SPARING,
  'supervised-prepare': SPARING,
};
/**
 * glibc raises the size from which it gives memory back at once to that of the largest block it has freed: parts of
 * exports and bodies then leave holes. Measured with 1,000,000 events: a download peaked at 446 to 502 MB without
 * this, at 364 with it. Who sets it for us overrides.
 */
const ALLOCATOR = { MALLOC_MMAP_THRESHOLD_: String(2 ** 17) };

/** The product's processes on one data folder: PostgreSQL, then `prepare`, then `worker` and `api`. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #pids: Record<string, number> = {};
  #processes: Readonly<Record<'api' | 'worker', SupervisedProcess>> | undefined;
  #database: Database | undefined;
  #port: number;
  #remembering: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#port = options.config.port;
  }

  /** Starts the database and brings it to shape. Resolves with the first administrator's key, when one was made. */
  async prepare(): Promise<string | undefined> {
    const { folder, shutdown } = this.#options;
    await awaitLeftovers(this.#pidFile, folder.installation);
    const [api, worker] = [this.#supervise('api'), this.#supervise('worker')];
    this.#processes = { api, worker };
    this.#database = await openDatabase({
      ...this.#options,
      onMoved: () => [api, worker].forEach((one) => one.renew()),
    });
    const stop = (): Promise<void> => this.#database?.stop() ?? Promise.resolve();
    shutdown.add({ name: 'database', stage: END.database, timeout: DATABASE_MS, run: stop });
    if (shutdown.begun) throw new Error('Stopped while it was starting.');
    return this.#runPrepare();
  }

  /** Starts the processes; from here on they are kept running. */
  async start(): Promise<RunningPlatform> {
    if (this.#processes === undefined) throw new Error('The platform must be prepared first.');
    const { api, worker } = this.#processes;
    const { shutdown } = this.#options;
    shutdown.add({ name: 'api', stage: END.api, timeout: API_MS, run: () => api.stop(API_MS - 5_000) });
    shutdown.add({
      name: 'worker',
      stage: END.worker,
      timeout: WORKER_MS,
      run: () => worker.stop(WORKER_MS - 5_000),
    });
    const [url] = await Promise.all([api.start(), worker.start()]);
    return { url };
  }

  #supervise(role: 'api' | 'worker'): SupervisedProcess {
    return new SupervisedProcess({
      name: role,
      spawn: () => this.#spawn(role),
      log: this.#options.log,
      onReady: (url, pid) => {
        // The port that a first life was given stays the address of the later ones.
        if (role === 'api') this.#port = Number(new URL(url).port) || this.#port;
        this.#pids[role] = pid;
        return this.#remember();
      },
    });
  }

  /** One after the other, so that the last writer has all numbers. */
  #remember(): Promise<void> {
    const write = async (): Promise<void> => {
      try {
        await rememberProcesses(this.#pidFile, this.#pids);
      } catch (error) {
        this.#options.log.error({ error }, 'the numbers of the processes could not be written');
      }
    };
    this.#remembering = this.#remembering.then(write);
    return this.#remembering;
  }

  async #runPrepare(): Promise<string | undefined> {
    const child = this.#spawn('supervised-prepare');
    let key: string | undefined;
    child.on('message', (message) => (key = PREPARED.parse(message).administratorKey));
    const end = (): void => void child.kill('SIGTERM');
    this.#options.shutdown.add({ name: 'prepare', stage: END.api, timeout: 1_000, run: async () => end() });
    await once(child, 'close');
    if (child.exitCode !== 0) {
      throw new Error(`Preparing the database ended with ${child.signalCode ?? child.exitCode}.`);
    }
    return key;
  }

  #spawn(role: keyof typeof HEAP): ChildProcess {
    const { folder, config, logLevel } = this.#options;
    const program = this.#options.program ?? fileURLToPath(new URL('./main.js', import.meta.url));
    return spawn(
      process.execPath,
      [
        `--title=${processTitle(role, folder.installation)}`,
        ...HEAP[role],
        ...process.execArgv,
        program,
        role,
      ],
      {
        env: {
          ...ALLOCATOR,
          ...childEnvironment({
            CAIRN_DATA: folder.root,
            CAIRN_ANCHOR: folder.anchor,
            CAIRN_POSTGRES_URL: this.#database?.url,
            CAIRN_HOST: config.host,
            CAIRN_PORT: String(this.#port),
            // Who takes any port for the one takes any for the other: two installations on a machine.
            CAIRN_WORKER_PORT: String(config.port === 0 ? 0 : config.workerPort),
            CAIRN_LOG_LEVEL: logLevel,
          }),
        },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        // A session of its own: Ctrl-C reaches the supervisor alone, which ends all in order.
        detached: true,
      },
    );
  }

  get #pidFile(): string {
    return join(this.#options.folder.run, 'processes.json');
  }
}
