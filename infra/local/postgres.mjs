import { existsSync, readdirSync } from 'node:fs';
import { chown, readFile, rename, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';

import { debianPackage, offeredPackages } from './debian.mjs';
import { writePrivate } from './files.mjs';
import { ownFolder } from './folders.mjs';
import { commandOf, isAlive } from './processes.mjs';
import { findProgram, isExecutable, run, say, ServicesError, VERSIONS } from './programs.mjs';
import { libraryPath } from './redis.mjs';

const HINT = `install PostgreSQL ${VERSIONS.postgres} or newer, or give --postgres-url.`;
/** Every platform of a test run opens up to 20 connections per process. */
const CONNECTIONS = 400;

export const postgres = {
  name: 'postgres',
  ports: 1,
  // Fast shutdown, then immediate: the next start recovers from the write-ahead log.
  signals: ['SIGINT', 'SIGQUIT'],

  async install({ cache }) {
    const found = bestOf([...installedBelow('/'), ...(await inPath()), ...unpackedIn(cache)]);
    if (found !== undefined) return found;
    const offered = (await offeredPackages('^postgresql-[0-9]+$')).map((name) => ({
      version: Number(name.slice('postgresql-'.length)),
    }));
    const { version } = bestOf(offered) ?? {};
    if (version === undefined) throw new ServicesError(`There is no PostgreSQL here: ${HINT}`);
    const root = await debianPackage(cache, `postgresql-${version}`, HINT);
    const installed = bestOf(installedBelow(root));
    if (installed !== undefined) return installed;
    throw new ServicesError(`PostgreSQL ${version} was installed, but not below ${root}.`);
  },

  async command(context, { version, bin, env }, [port]) {
    const folder = await ownFolder(context, 'postgres');
    const data = join(folder, 'data');
    if (!existsSync(data)) {
      say(`PostgreSQL ${version}, ${bin}`);
      await initialise(context, { bin, env }, folder);
    }
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
    const psql = bin === undefined ? findProgram('psql') : join(bin, 'psql');
    if (psql === undefined) return speaksPostgres(new URL(postgresUrl));
    try {
      await run(psql, ['-X', '-c', 'SELECT 1', postgresUrl], {
        env: { ...process.env, ...env, PGCONNECT_TIMEOUT: '2' },
      });
      return true;
    } catch (error) {
      if (error instanceof ServicesError) return false;
      throw error;
    }
  },
};

/** The wanted version, else the newest; undefined when all are older. */
function bestOf(servers) {
  const wanted = Number(VERSIONS.postgres);
  const fitting = servers.filter(({ version }) => version >= wanted);
  return (
    fitting.find(({ version }) => version === wanted) ?? fitting.toSorted((a, b) => b.version - a.version)[0]
  );
}

/** Where Debian's packages lie, a folder for each version. */
function installedBelow(root) {
  const folder = join(root, 'usr/lib/postgresql');
  return (existsSync(folder) ? readdirSync(folder) : []).flatMap((name) => {
    const home = join(folder, name);
    const env = root === '/' ? {} : libraryPath(join(root, 'usr/lib'), join(home, 'lib'));
    return serverIn(join(home, 'bin'), Number(name), env);
  });
}

function unpackedIn(cache) {
  const names = readdirSync(cache).filter((name) => /^debian-postgresql-\d+$/.test(name));
  return names.flatMap((name) => installedBelow(join(cache, name)));
}

/** Where other systems' packages lie. */
async function inPath() {
  const program = findProgram('postgres');
  if (program === undefined) return [];
  try {
    const [, version] = /\(PostgreSQL\) (\d+)/.exec(await run(program, ['--version'])) ?? [];
    return serverIn(dirname(program), Number(version), {});
  } catch (error) {
    if (error instanceof ServicesError) return [];
    throw error;
  }
}

function serverIn(bin, version, env) {
  const whole = ['postgres', 'initdb', 'psql'].every((name) => isExecutable(join(bin, name)));
  return whole ? [{ version, bin, env }] : [];
}

/** Without psql: a server answers the wish for TLS with one letter (protocol 3.0, SSLRequest). */
function speaksPostgres({ hostname, port }) {
  return new Promise((resolve) => {
    let answer = '';
    const wish = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
    const socket = connect({ host: hostname, port: Number(port || 5_432) }, () => socket.write(wish));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk;
      socket.end();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(/^[SN]/.test(answer)));
  });
}

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
