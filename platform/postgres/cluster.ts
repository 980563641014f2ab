import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { readText, syncFolder, writeFileDurably } from '#platform/files';
import type { PostgresBinaries } from '#platform/postgres/binaries';
import type { ServerUser } from '#platform/postgres/server-user';
import { chooseServerUser, giveTo, letPass } from '#platform/postgres/server-user';

/** The only role; owns the server. */
export const ROLE = 'cairn';

const MAJOR_VERSION = '18';

/** Where an installation's server lies and who runs it. */
export interface Cluster {
  /** PostgreSQL's own data directory. */
  readonly folder: string;
  readonly passwordFile: string;
  readonly user: ServerUser | undefined;
}

export async function describeCluster(dataDir: string): Promise<Cluster> {
  const folder = join(dataDir, 'postgres');
  return {
    folder,
    passwordFile: join(dataDir, 'run', 'postgres-password'),
    user: await chooseServerUser([folder, dataDir]),
  };
}

/** Makes the cluster where there is none and returns the password of its role. */
export async function prepareCluster(cluster: Cluster, binaries: PostgresBinaries): Promise<string> {
  await mkdir(dirname(cluster.passwordFile), { recursive: true, mode: 0o700 });
  await mkdir(dirname(cluster.folder), { recursive: true, mode: 0o700 });
  await letPass(dirname(cluster.folder), cluster.user);
  const version = (await readText(join(cluster.folder, 'PG_VERSION')))?.trim();
  if (version === undefined) return initialise(cluster, binaries);
  if (version !== MAJOR_VERSION) {
    throw new Error(
      `${cluster.folder} was made by PostgreSQL ${version}; this release embeds ${MAJOR_VERSION}. Start it with the release that made it and dump it, or set CAIRN_POSTGRES_URL.`,
    );
  }
  await giveTo(cluster.folder, cluster.user);
  const password = (await readText(cluster.passwordFile))?.trim();
  return password === undefined || password === '' ? resetPassword(cluster, binaries) : password;
}

/** Runs a program of PostgreSQL as the server's user, with nothing of our environment but the zone. */
export function spawnAsServer(program: string, args: readonly string[], cluster: Cluster): ChildProcess {
  return spawn(program, args, {
    ...cluster.user,
    cwd: dirname(program),
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'pipe'],
    // Its own session, so that Ctrl-C in a terminal reaches the supervisor alone, which stops it last.
    detached: true,
  });
}

/** A half-made cluster lies beside the final place until it is whole: a crash leaves nothing to repair. */
async function initialise(cluster: Cluster, binaries: PostgresBinaries): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  const staging = `${cluster.folder}.new`;
  const passwordFile = join(staging, 'password');
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  await giveTo(staging, cluster.user);
  const args = ['-D', join(staging, 'cluster'), '-U', ROLE, `--pwfile=${passwordFile}`, '-E', 'UTF8'];
  args.push('--auth=scram-sha-256', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8');
  await run(spawnAsServer(binaries.initdb, args, cluster), 'initdb');
  await chmod(join(staging, 'cluster'), 0o700);
  await writeFileDurably(cluster.passwordFile, `${password}\n`);
  await rename(join(staging, 'cluster'), cluster.folder);
  await rm(staging, { recursive: true, force: true });
  await syncFolder(dirname(cluster.folder));
  return password;
}

/** A cluster whose password is lost (run/ was not restored) gets a new one in single-user mode. */
async function resetPassword(cluster: Cluster, binaries: PostgresBinaries): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  const child = spawnAsServer(binaries.postgres, ['--single', '-D', cluster.folder, 'postgres'], cluster);
  child.stdin?.end(`ALTER ROLE ${ROLE} PASSWORD '${password}'\n`);
  await run(child, 'postgres --single');
  await writeFileDurably(cluster.passwordFile, `${password}\n`);
  return password;
}

async function run(child: ChildProcess, name: string): Promise<void> {
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4_000)));
  child.stdin?.end();
  await once(child, 'close');
  if (errors.includes('could not look up effective user ID')) {
    throw new Error(
      `${errors.trim()}. PostgreSQL needs its user to have a name: add this uid to /etc/passwd, run as another user, or set CAIRN_POSTGRES_URL.`,
    );
  }
  if (child.exitCode !== 0) {
    throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}: ${errors.trim()}`);
  }
}
