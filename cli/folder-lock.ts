import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';

import { readText, writeFileDurably } from '#platform/files';

const HOLDER = z.object({ pid: z.int().positive(), since: z.string() });

export interface FolderLock {
  release(): void;
}

/** The folder belongs to a living process. */
export class FolderLockedError extends Error {
  readonly pid: number | undefined;

  constructor(folder: string, holder: z.infer<typeof HOLDER> | undefined) {
    const who = holder === undefined ? 'another process' : `process ${holder.pid}, since ${holder.since}`;
    super(`${folder} is in use by ${who}. Stop that one first.`);
    this.name = 'FolderLockedError';
    this.pid = holder?.pid;
  }
}

/** SQLITE_BUSY */
const BUSY = 5;
/** `doctor` takes the lock for an instant to see whether it is free. */
const PATIENCE_MS = 300;

/**
 * One process per data folder. Node offers no file locks, SQLite does: an open write transaction on an empty
 * database holds one, and the kernel drops it with the process, however that ends. There is nothing stale to
 * take over and no number of a process to believe, in containers that share a folder neither. `lock` beside
 * it only names the holder.
 * @throws FolderLockedError
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const database = new DatabaseSync(join(folder, 'lock.db'), { timeout: PATIENCE_MS });
  if (!tryLock(database)) {
    database.close();
    throw new FolderLockedError(folder, await readHolder(folder));
  }
  try {
    await chmod(join(folder, 'lock.db'), 0o600);
    const holder = { pid: process.pid, since: new Date().toISOString() };
    await writeFileDurably(join(folder, 'lock'), `${JSON.stringify(holder)}\n`);
  } catch (error) {
    database.close();
    throw error;
  }
  return { release: () => database.close() };
}

/** `free`, or the pid of the living process that holds the folder where it left its name. */
export async function lockHolder(folder: string): Promise<'free' | 'unknown' | number> {
  // Opening would make it.
  if (!existsSync(join(folder, 'lock.db'))) return 'free';
  const database = new DatabaseSync(join(folder, 'lock.db'), { timeout: 0 });
  try {
    return tryLock(database) ? 'free' : ((await readHolder(folder))?.pid ?? 'unknown');
  } finally {
    database.close();
  }
}

function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === BUSY) return false;
    throw error;
  }
}

async function readHolder(folder: string): Promise<z.infer<typeof HOLDER> | undefined> {
  const text = await readText(join(folder, 'lock'));
  if (text === undefined) return undefined;
  const parsed = HOLDER.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}
