import { once } from 'node:events';
import { stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { dirname } from 'node:path';

import type { Finding } from '#cli/doctor/finding';
import { ok, reasonOf, trouble, warning } from '#cli/doctor/finding';
import type { Config } from '#platform/config';
import { hasCode } from '#platform/files';
import { unsupportedReason } from '#platform/postgres/binaries';
import { chooseServerUser } from '#platform/postgres/server-user';

const GIGABYTE = 1_073_741_824;
/** PostgreSQL's buffers and two processes of at most half a gigabyte each. */
const MEMORY = 1.5 * GIGABYTE;
const DISK_LOW = 10 * GIGABYTE;
const DISK_FULL = GIGABYTE;
/** Connections, objects and SQLite's files of one process. */
const OPEN_FILES = 1_024;
const NODE_MAJOR = 24;

/** What the machine offers for a data folder at `root`. */
export async function examineMachine(config: Config, root: string, running: boolean): Promise<Finding[]> {
  return [
    platform(config),
    node(),
    memory(),
    openFiles(),
    await disk(root),
    await user(config, root),
    running ? ok('port', 'not tried while the platform runs') : await port(config),
  ];
}

function platform({ postgresUrl }: Config): Finding {
  const reason = postgresUrl === undefined ? unsupportedReason() : undefined;
  if (reason !== undefined) return trouble('platform', `${process.platform}-${process.arch}`, reason);
  return ok('platform', `${process.platform}-${process.arch}`);
}

function node(): Finding {
  const fits = Number(process.versions.node.split('.')[0]) >= NODE_MAJOR;
  if (fits) return ok('node', process.version);
  return trouble(
    'node',
    process.version,
    `Start Cairn by ./cairn or npm start, which bring Node ${NODE_MAJOR} along.`,
  );
}

function memory(): Finding {
  // A container's limit, where there is one; without, the number is absurdly high or 0.
  const limit = process.constrainedMemory();
  const bytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const found = `${(bytes / GIGABYTE).toFixed(1)} GB`;
  if (bytes >= MEMORY) return ok('memory', found);
  return warning('memory', found, 'Give Cairn 1.5 GB or more, or PostgreSQL a machine of its own.');
}

function openFiles(): Finding {
  const report: unknown = process.report.getReport();
  const soft = softLimit(report);
  if (soft === undefined || soft >= OPEN_FILES)
    return ok('open files', soft === undefined ? 'no limit' : String(soft));
  return warning('open files', String(soft), `Raise the limit to ${OPEN_FILES} or more (ulimit -n).`);
}

/** `userLimits.open_files.soft` of Node's diagnostic report; `unlimited` or a number. */
function softLimit(report: unknown): number | undefined {
  const limits = property(property(property(report, 'userLimits'), 'open_files'), 'soft');
  const value = Number(limits);
  return Number.isFinite(value) ? value : undefined;
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
}

async function disk(root: string): Promise<Finding> {
  const folder = await nearest(root);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const found = `${(free / GIGABYTE).toFixed(1)} GB free at ${folder}`;
  if (free < DISK_FULL) return trouble('disk', found, 'Make room: with a full disk no event is accepted.');
  if (free < DISK_LOW)
    return warning('disk', found, 'A million events take about half a gigabyte: make room in time.');
  return ok('disk', found);
}

async function user({ postgresUrl }: Config, root: string): Promise<Finding> {
  const uid = process.getuid?.() ?? -1;
  const server = postgresUrl === undefined ? await chooseServerUser([`${root}/postgres`, root]) : undefined;
  return ok('user', server === undefined ? `uid ${uid}` : `uid ${uid}; PostgreSQL runs as uid ${server.uid}`);
}

async function port({ host, port: wish }: Config): Promise<Finding> {
  const server = createServer();
  try {
    server.listen(wish, host);
    await once(server, 'listening');
    return ok('port', `${host}:${wish} is free`);
  } catch (error) {
    const advice = hasCode(error, 'EADDRINUSE')
      ? 'Another program listens there: end it, or choose another with CAIRN_PORT.'
      : 'Choose another with CAIRN_HOST and CAIRN_PORT.';
    return trouble('port', reasonOf(error), advice);
  } finally {
    server.close();
  }
}

async function nearest(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    if (hasCode(error, 'ENOENT') && dirname(path) !== path) return nearest(dirname(path));
    throw error;
  }
}
