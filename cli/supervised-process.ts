import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

import type { Log } from '#platform/log';

const READY = z.object({ type: z.literal('ready'), url: z.string() });

export interface ProcessOptions {
  readonly name: string;
  /** Starts the program with an IPC channel; it tells `{type: 'ready', url}` and ends when the channel closes. */
  readonly spawn: () => ChildProcess;
  /** Hears of every life of the process once it is ready, and is waited for. */
  readonly onReady: (url: string, pid: number) => Promise<void>;
  readonly log: Pick<Log, 'warn' | 'error'>;
  /** Milliseconds before the first new try; doubled up to a hundred times as long. 200 unless told. */
  readonly backOff?: number;
}

/** A process that lived so long begins again without waiting. */
const HEALTHY_MS = 30_000;
const START_TIMEOUT_MS = 120_000;

/** Keeps one process running: after its first good start it is begun again whenever it ends. */
export class SupervisedProcess {
  readonly #options: ProcessOptions;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #loop: Promise<void> | undefined;
  #wait: number;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.#wait = this.#firstWait;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves with the address when it is ready. @throws when the first life ends before that. */
  async start(): Promise<string> {
    if (this.#stopping.signal.aborted) throw new Error(`The ${this.#options.name} process was stopped.`);
    const url = await this.#live();
    this.#loop = this.#keepAlive();
    return url;
  }

  /** Lets the current life end and begins a new one. */
  renew(): void {
    this.#wait = 0;
    this.#child?.kill('SIGTERM');
  }

  /** Asks it to end, and ends it when it has not within so many milliseconds. */
  async stop(timeout: number): Promise<void> {
    this.#stopping.abort();
    const child = this.#child;
    if (child !== undefined && isRunning(child)) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const cut = setTimeout(() => child.kill('SIGKILL'), timeout);
      await exited;
      clearTimeout(cut);
    }
    await this.#loop;
  }

  async #keepAlive(): Promise<void> {
    const { log, name } = this.#options;
    for (;;) {
      const child = this.#child;
      const born = Date.now();
      if (child !== undefined && isRunning(child)) await once(child, 'exit');
      if (this.#stopping.signal.aborted) return;
      if (Date.now() - born > HEALTHY_MS) this.#wait = this.#firstWait;
      const reason = child?.signalCode ?? child?.exitCode;
      log.warn({ process: name, reason, wait: this.#wait }, 'a process ended; it is begun again');
      await this.#pause();
      if (this.#stopping.signal.aborted) return;
      try {
        await this.#live();
      } catch (error) {
        log.error({ error, process: name }, 'a process did not start');
      }
    }
  }

  async #live(): Promise<string> {
    const child = this.#options.spawn();
    this.#child = child;
    const url = await firstReady(child, this.#options.name);
    await this.#options.onReady(url, child.pid ?? 0);
    return url;
  }

  async #pause(): Promise<void> {
    const wait = this.#wait;
    this.#wait = Math.min(Math.max(wait, this.#firstWait) * 2, this.#firstWait * 100);
    // Rejects only when we are stopped meanwhile.
    await delay(wait, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  get #firstWait(): number {
    return this.#options.backOff ?? 200;
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function firstReady(child: ChildProcess, name: string): Promise<string> {
  const ready = Promise.withResolvers<string>();
  child.on('message', (message) => {
    const parsed = READY.safeParse(message);
    if (parsed.success) ready.resolve(parsed.data.url);
  });
  child.on('error', ready.reject);
  child.once('exit', (code, signal) => {
    ready.reject(new Error(`The ${name} process ended with ${signal ?? code} before it was ready.`));
  });
  const late = setTimeout(() => {
    child.kill('SIGKILL');
    ready.reject(new Error(`The ${name} process was not ready within ${START_TIMEOUT_MS / 1_000} s.`));
  }, START_TIMEOUT_MS);
  try {
    return await ready.promise;
  } finally {
    clearTimeout(late);
  }
}
