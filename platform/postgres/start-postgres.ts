import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, DatabaseError } from 'pg';

import { hasCode, readText } from '#platform/files';
import { locateBinaries } from '#platform/postgres/binaries';
import type { Cluster } from '#platform/postgres/cluster';
import { describeCluster, prepareCluster, ROLE, spawnAsServer } from '#platform/postgres/cluster';
import type { Postmaster } from '#platform/postgres/postmaster';
import { isAlive, isServerOf, readPostmaster, stopServer } from '#platform/postgres/postmaster';

export interface PostgresOptions {
  /** The installation's data folder; the server takes `postgres/` and `run/` in it. */
  readonly dataDir: string;
  /** The port to take if it is free; a free one otherwise. */
  readonly port?: number | undefined;
  /** Hears what the server writes to its log, line by line. */
  readonly log?: (line: string) => void;
  /** Settings over the defaults, by name. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RunningPostgres {
  /** Of the database `cairn`, on 127.0.0.1, with the password. */
  readonly url: string;
  readonly pid: number;
  /** True when a server that outlived its supervisor was taken over. */
  readonly adopted: boolean;
  /** Resolves when the server is gone, for whatever reason. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Durable at commit (fsync and synchronous_commit stay on). The log never carries statements or rows: they
 * hold events of others.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
  min_wal_size: '256MB',
  checkpoint_timeout: '15min',
  wal_compression: 'pglz',
  wal_level: 'replica',
  max_wal_senders: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
};

const DATABASE = 'cairn';
/** Recovery after a crash replays at most max_wal_size; slower than this is no recovery any more. */
const START_TIMEOUT_MS = 300_000;
const STALE_TIMEOUT_MS = 30_000;
/** Another server's or its last processes' traces, or a port that somebody took first: worth another try. */
const TRY_AGAIN =
  /postmaster\.pid" already exists|shared memory block|could not bind|could not create any TCP|is empty/;

/** Starts the embedded PostgreSQL of a data folder, or takes over the one that a crash left running. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const cluster = await describeCluster(await realpath(options.dataDir));
  const adopted = await adopt(cluster);
  if (adopted !== undefined) return adopted;
  const binaries = await locateBinaries(cluster.user);
  const deadline = Date.now() + STALE_TIMEOUT_MS;
  for (;;) {
    const password = await prepareCluster(cluster, binaries);
    const server = await launch(binaries.postgres, cluster, options);
    if (await answers(server, cluster, password)) {
      await createDatabase(serverUrl(password, server.port, 'postgres'));
      return running(serverUrl(password, server.port, DATABASE), server.child, server.pid);
    }
    const lines = server.lastLines();
    if (!server.gone()) await forgetPassword(server.pid, cluster);
    else if (!TRY_AGAIN.test(lines) || Date.now() > deadline) {
      throw new Error(`PostgreSQL did not start: ${lines.trim()}`);
    }
    await delay(200);
  }
}

/** The URL of a folder's running server, for commands that work beside the supervisor. */
export async function runningPostgresUrl(dataDir: string): Promise<string | undefined> {
  const cluster = await describeCluster(await realpath(dataDir));
  const found = await readPostmaster(cluster.folder);
  const password = (await readText(cluster.passwordFile))?.trim();
  if (found === undefined || password === undefined || !isAlive(found.pid)) return undefined;
  const probe = await probeServer(serverUrl(password, found.port, 'postgres'), cluster.folder);
  return probe === 'ready' ? serverUrl(password, found.port, DATABASE) : undefined;
}

async function adopt(cluster: Cluster): Promise<RunningPostgres | undefined> {
  const found = await readPostmaster(cluster.folder);
  if (found === undefined) return undefined;
  if (!isAlive(found.pid)) return undefined;
  if (!(await isServerOf(found.pid, cluster.folder))) {
    // The number went to another process (usual in containers); PostgreSQL itself would wait for it for
    // ever. Living backends of the old server still hold its shared memory, which it checks apart.
    await rm(join(cluster.folder, 'postmaster.pid'), { force: true });
    return undefined;
  }
  const password = (await readText(cluster.passwordFile))?.trim() ?? '';
  if (await answers({ ...found, gone: () => !isAlive(found.pid) }, cluster, password)) {
    await createDatabase(serverUrl(password, found.port, 'postgres'));
    return running(serverUrl(password, found.port, DATABASE), undefined, found.pid);
  }
  await forgetPassword(found.pid, cluster);
  return undefined;
}

/** The server knows another password than the file (run/ of another backup): the next start sets a new one. */
async function forgetPassword(pid: number, cluster: Cluster): Promise<void> {
  await stopServer(pid);
  await rm(cluster.passwordFile, { force: true });
}

interface Launched extends Postmaster {
  readonly child: ChildProcess;
  gone(): boolean;
  lastLines(): string;
}

async function launch(program: string, cluster: Cluster, options: PostgresOptions): Promise<Launched> {
  const port = await freePort(options.port);
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(port) });
  const args = ['-D', cluster.folder, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const child = spawnAsServer(program, args, cluster);
  let last = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    const text = chunk.toString();
    last = (last + text).slice(-2_000);
    for (const line of text.split('\n')) if (line !== '') options.log?.(line);
  });
  child.stdin?.end();
  await once(child, 'spawn');
  const gone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return { child, pid: child.pid ?? 0, port, gone, lastLines: () => last };
}

/** Waits until the server takes connections; false when it ends first or does not know the password. */
async function answers(
  server: Postmaster & { gone(): boolean },
  cluster: Cluster,
  password: string,
): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  const url = serverUrl(password, server.port, 'postgres');
  while (!server.gone()) {
    const probe = await probeServer(url, cluster.folder);
    if (probe === 'ready') return true;
    if (probe === 'stranger') return false;
    if (Date.now() > deadline) throw new Error('PostgreSQL takes no connections after five minutes.');
    await delay(30);
  }
  return false;
}

/** `stranger`: something else listens there, or the password is another. */
async function probeServer(url: string, folder: string): Promise<'ready' | 'not yet' | 'stranger'> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const found = await client.query<{ data_directory: string }>('SHOW data_directory');
    return found.rows[0]?.data_directory === folder ? 'ready' : 'stranger';
  } catch (error) {
    // 28P01 invalid_password, 28000 invalid_authorization_specification
    const refused = error instanceof DatabaseError && (error.code === '28P01' || error.code === '28000');
    return refused ? 'stranger' : 'not yet';
  } finally {
    await client.end();
  }
}

async function createDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

function running(url: string, child: ChildProcess | undefined, pid: number): RunningPostgres {
  const watched = child !== undefined && child.exitCode === null && child.signalCode === null;
  const exited = watched ? once(child, 'exit').then(() => undefined) : pollExit(pid);
  return { url, pid, adopted: child === undefined, exited, stop: () => stopServer(pid) };
}

/** A server that is not our child gives no sign when it ends. */
async function pollExit(pid: number): Promise<void> {
  while (isAlive(pid)) await delay(500, undefined, { ref: false });
}

function serverUrl(password: string, port: number, database: string): string {
  return `postgresql://${ROLE}:${password}@127.0.0.1:${port}/${database}`;
}

async function freePort(wish = 0): Promise<number> {
  const server = createServer();
  server.listen(wish, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if (wish !== 0 && hasCode(error, 'EADDRINUSE')) return freePort();
    throw error;
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The system gave no free port.');
  return address.port;
}
