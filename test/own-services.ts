import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

import { isAlive, waitForExit } from '#platform/postgres/postmaster';
import type { Services } from '#test/services';
import { onRealServices, services } from '#test/services';

const COMMAND = new URL('../infra/local/services.mjs', import.meta.url).pathname;
/** The pid follows: `sweep` stops what has outlived its test run. */
const PREFIX = 'cairn-services-';
const PROCESS = z.object({ pid: z.number().optional(), log: z.string() });
const STATUS = z.looseObject({ processes: z.record(z.string(), PROCESS) });

export type ServiceName = 'postgres' | 'redis' | 'opensearch' | 's3' | 'moto';

/** Servers that belong to one test, which may stop, kill and bring them back; they keep ports and data. */
export interface OwnServices extends AsyncDisposable {
  /** Of those that were asked for. */
  readonly addresses: Partial<Services>;
  /** undefined = it does not run. */
  pid(name: ServiceName): Promise<number | undefined>;
  /** SIGKILL, and resolves when it is gone; SIGSTOP and SIGCONT resolve at once. */
  signal(name: ServiceName, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** In order, as an operator would. */
  stop(name: ServiceName): Promise<void>;
  /** Resolves when it does its work again. */
  start(name: ServiceName): Promise<void>;
  /** Takes all that a Redis kept, as the loss of its disk does. It must not run. */
  emptyRedis(): Promise<void>;
}

/**
 * Starts servers in a temporary folder with the programs of the shared ones, or of the machine's cache where there
 * are none; 0.2 s to 15 s (OpenSearch).
 */
export async function startOwnServices(names: readonly ServiceName[]): Promise<OwnServices> {
  const state = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  // PostgreSQL and OpenSearch do not run as root: their user must get in.
  await chmod(state, 0o711);
  const cache = onRealServices() ? services().cache : undefined;
  const more = cache === undefined ? ['--shared-cache'] : ['--cache', cache];
  const local = async (command: string, only: readonly ServiceName[]): Promise<string> => {
    const args = [COMMAND, command, '--state', state, '--only', only.join(','), '-o', 'json', ...more];
    return (await promisify(execFile)(process.execPath, args)).stdout;
  };
  const dispose = async (): Promise<void> => {
    await local('down', names);
    await rm(state, { recursive: true, force: true });
  };
  try {
    const addresses = JSON.parse(await local('up', names)) as Partial<Services>;
    const pid = async (name: ServiceName): Promise<number | undefined> =>
      STATUS.parse(JSON.parse(await local('status', [name]))).processes[name]?.pid;
    return {
      addresses,
      pid,
      signal: async (name, signal) => sendSignal(await pid(name), signal),
      stop: async (name) => void (await local('down', [name])),
      start: async (name) => void (await local('up', [name])),
      emptyRedis: () => rm(join(state, 'redis/data'), { recursive: true }),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Stops the servers that killed test runs left. */
export async function sweepOwnServices(): Promise<void> {
  await promisify(execFile)(process.execPath, [COMMAND, 'sweep']);
}

async function sendSignal(pid: number | undefined, signal: NodeJS.Signals): Promise<void> {
  if (pid === undefined || !isAlive(pid)) throw new Error('The service does not run.');
  process.kill(pid, signal);
  if (signal === 'SIGKILL' && !(await waitForExit(pid, 10_000)))
    throw new Error(`Process ${pid} outlived SIGKILL.`);
}
