import { randomBytes } from 'node:crypto';
import { link, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

import { processIdentity, processNamespace } from '#cli/process-identity';
import { hasCode, readText } from '#platform/files';

/** Who holds the folder. */
const HOLDER = z.object({
  pid: z.int().positive(),
  identity: z.string(),
  namespace: z.string(),
  since: z.string(),
});
type Holder = z.infer<typeof HOLDER>;

export interface FolderLock {
  release(): Promise<void>;
}

/** The folder belongs to a living process. */
export class FolderLockedError extends Error {
  readonly pid: number;

  constructor(folder: string, holder: Holder) {
    super(`${folder} is in use by process ${holder.pid}, since ${holder.since}. Stop that one first.`);
    this.name = 'FolderLockedError';
    this.pid = holder.pid;
  }
}

/** The holder touches its lock so often; one in another container, which we cannot see, lives by that. */
const HEARTBEAT_MS = 5_000;
const SILENCE_MS = 3 * HEARTBEAT_MS;

/**
 * One process per data folder. The lock of a process that is gone is taken over, also when its number went
 * to another process.
 * @throws FolderLockedError
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = `${folder}/lock`;
  const mine = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const text = `${JSON.stringify(await describeSelf())}\n`;
  await writeFile(mine, text, { mode: 0o600, flag: 'wx' });
  try {
    while (!(await placed(mine, path))) await takeFromDead(folder, path);
  } finally {
    await rm(mine, { force: true });
  }
  const beat = setInterval(() => void touch(path), HEARTBEAT_MS).unref();
  return {
    release: async () => {
      clearInterval(beat);
      if ((await readText(path)) === text) await rm(path, { force: true });
    },
  };
}

/** The pid of the living process that holds the folder. */
export async function lockHolder(folder: string): Promise<number | undefined> {
  const holder = parseHolder(await readText(`${folder}/lock`));
  return holder !== undefined && (await isAlive(holder, `${folder}/lock`)) ? holder.pid : undefined;
}

async function describeSelf(): Promise<Holder> {
  return {
    pid: process.pid,
    identity: (await processIdentity(process.pid)) ?? '',
    namespace: await processNamespace(),
    since: new Date().toISOString(),
  };
}

async function placed(mine: string, path: string): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function takeFromDead(folder: string, path: string): Promise<void> {
  const text = await readText(path);
  if (text === undefined) return;
  const holder = parseHolder(text);
  const deadline = Date.now() + SILENCE_MS;
  while (holder !== undefined && (await isAlive(holder, path))) {
    // Another container's: if it was killed, its heart stops within the time.
    const foreign = holder.namespace !== (await processNamespace());
    if (!foreign || Date.now() > deadline) throw new FolderLockedError(folder, holder);
    await delay(500);
  }
  // Moved aside and looked at: between reading and removing, another may have taken it over.
  const aside = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  if ((await readText(aside)) !== text) await placed(aside, path);
  await rm(aside, { force: true });
}

async function isAlive(holder: Holder, path: string): Promise<boolean> {
  if (holder.namespace === (await processNamespace())) {
    return (await processIdentity(holder.pid)) === holder.identity;
  }
  try {
    return Date.now() - (await stat(path)).mtimeMs < SILENCE_MS;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Undefined for what a crash of the machine left half-written: nobody holds that. */
function parseHolder(text: string | undefined): Holder | undefined {
  try {
    return HOLDER.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  try {
    await utimes(path, now, now);
  } catch (error) {
    // Without its lock a folder is gone as a whole (a test's, a careless rm): the next write will tell.
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}
