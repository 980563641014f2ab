import { existsSync } from 'node:fs';
import { chown, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { debianPackage } from './debian.mjs';
import { writePrivate } from './files.mjs';
import { ownFolder } from './folders.mjs';
import { commandOf, isAlive } from './processes.mjs';
import { isExecutable, run, ServicesError, VERSIONS } from './programs.mjs';
import { libraryPath } from './redis.mjs';

const HINT = `install PostgreSQL ${VERSIONS.postgres}, or give --postgres-url.`;
/** Every platform of a test run opens up to 20 connections per process. */
const CONNECTIONS = 400;

export const postgres = {
  name: 'postgres',
  ports: 1,
  // Fast shutdown, then immediate: the next start recovers from the write-ahead log.
  signals: ['SIGINT', 'SIGQUIT'],

  async install({ cache }) {
    const programs = (root) => join(root, `usr/lib/postgresql/${VERSIONS.postgres}/bin`);
    if (isExecutable(join(programs('/'), 'postgres'))) return { bin: programs('/'), env: {} };
    const root = await debianPackage(cache, `postgresql-${VERSIONS.postgres}`, HINT);
    if (!isExecutable(join(programs(root), 'postgres'))) {
      throw new ServicesError(`PostgreSQL ${VERSIONS.postgres} was installed, but not in ${programs(root)}.`);
    }
    const env = root === '/' ? {} : libraryPath(join(root, 'usr/lib'), join(dirname(programs(root)), 'lib'));
    return { bin: programs(root), env };
  },

  async command(context, { bin, env }, [port]) {
    const folder = await ownFolder(context, 'postgres');
    const data = join(folder, 'data');
    if (!existsSync(data)) await initialise(context, { bin, env }, folder);
    await forgetKilled(data);
    const settings = {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: CONNECTIONS,
      timezone: 'UTC',
      log_timezone: 'UTC',
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return { program: join(bin, 'postgres'), args: ['-D', data, ...options], env };
  },

  address({ secrets }, [port]) {
    return { postgresUrl: `postgresql://cairn:${secrets.postgres}@127.0.0.1:${port}/postgres` };
  },

  /** With `psql`, because "accepting connections" alone would hide a wrong password. */
  async answers({ postgresUrl }, { bin, env } = {}) {
    if (bin === undefined) return true;
    try {
      await run(join(bin, 'psql'), ['-X', '-c', 'SELECT 1', postgresUrl], {
        env: { ...process.env, ...env, PGCONNECT_TIMEOUT: '2' },
      });
      return true;
    } catch (error) {
      if (error instanceof ServicesError) return false;
      throw error;
    }
  },
};

/**
 * A server that was killed leaves its pid behind, and PostgreSQL waits for any process of that number, also for
 * one whose parent has not fetched it yet. What lives on of the old server holds shared memory, which
 * PostgreSQL checks apart.
 */
async function forgetKilled(data) {
  const path = join(data, 'postmaster.pid');
  if (!existsSync(path)) return;
  const pid = Number((await readFile(path, 'utf8')).split('\n')[0]);
  if (!isAlive(pid) || !commandOf(pid).includes(data)) await rm(path, { force: true });
}

/** Half made it lies beside the final place: a crash leaves nothing to repair. */
async function initialise(context, { bin, env }, folder) {
  const staging = join(folder, 'data.new');
  const passwordFile = join(folder, 'password');
  await rm(staging, { recursive: true, force: true });
  await writePrivate(passwordFile, `${context.secrets.postgres}\n`);
  if (context.user !== undefined) await chown(passwordFile, context.user.uid, context.user.gid);
  const args = ['-D', staging, '-U', 'cairn', `--pwfile=${passwordFile}`, '-E', 'UTF8'];
  await run(join(bin, 'initdb'), [...args, '--auth=scram-sha-256', '--locale=C.UTF-8', '--data-checksums'], {
    ...context.user,
    cwd: folder,
    env: { LC_ALL: 'C.UTF-8', PATH: '/usr/bin:/bin', ...env },
  });
  await rm(passwordFile);
  await rename(staging, join(folder, 'data'));
}
