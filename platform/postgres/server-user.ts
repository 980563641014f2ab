import type { Stats } from 'node:fs';
import { chmod, chown, lstat, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The account that PostgreSQL runs under. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** `nobody` of every Linux and of NFS; PostgreSQL refuses to run as root. */
const NOBODY: ServerUser = { uid: 65_534, gid: 65_534 };

/**
 * Who runs the server: undefined = the user we are. Root hands it to the owner of the data folder when that
 * is an ordinary user (started with sudo on somebody's folder), else to `nobody`.
 */
export async function chooseServerUser(folders: readonly string[]): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const folder of folders) {
    const found = await statOrUndefined(folder);
    if (found !== undefined && found.uid !== 0) return { uid: found.uid, gid: found.gid };
  }
  return NOBODY;
}

/** Whether the user may enter the folder: execute permission on it and on everything above it. */
export async function canReach(folder: string, user: ServerUser | undefined): Promise<boolean> {
  if (user === undefined) return true;
  let path = await realpath(folder);
  for (;;) {
    if (!mayEnter(await stat(path), user)) return false;
    if (path === dirname(path)) return true;
    path = dirname(path);
  }
}

/** Lets the user's group pass through a folder of root's without letting it list the folder. */
export async function letPass(folder: string, user: ServerUser | undefined): Promise<void> {
  if (user === undefined) return;
  const found = await stat(folder);
  if (mayEnter(found, user)) return;
  await chown(folder, found.uid, user.gid);
  await chmod(folder, (found.mode & 0o700) | 0o010);
}

/** Gives a folder and all in it to the user; links are not followed. */
export async function giveTo(folder: string, user: ServerUser | undefined): Promise<void> {
  if (user === undefined) return;
  const found = await lstat(folder);
  if (found.isSymbolicLink()) return;
  if (found.uid !== user.uid || found.gid !== user.gid) await chown(folder, user.uid, user.gid);
  if (!found.isDirectory()) return;
  for (const name of await readdir(folder)) await giveTo(join(folder, name), user);
}

function mayEnter(found: Stats, user: ServerUser): boolean {
  if (found.uid === user.uid) return (found.mode & 0o100) !== 0;
  if (found.gid === user.gid) return (found.mode & 0o010) !== 0;
  return (found.mode & 0o001) !== 0;
}

async function statOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
