import { open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { isAlive } from './processes.mjs';

/** One up or down at a time per state folder; a lock whose process is gone does not count. */
export async function exclusively(state, work) {
  const path = join(state, 'lock');
  while (!(await takeLock(path))) await delay(200);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function takeLock(path) {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const holder = Number(await readFile(path, 'utf8').catch(() => '')) || 0;
    // Empty = its holder is about to write its pid, or died in between: 5 s tell them apart.
    const stale = holder > 0 ? !isAlive(holder) : Date.now() - ((await modified(path)) ?? Date.now()) > 5_000;
    if (stale) await rm(path, { force: true });
    return false;
  }
}

async function modified(path) {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
