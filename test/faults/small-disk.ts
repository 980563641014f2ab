import { execFile } from 'node:child_process';
import { chmod, mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '#test/acceptance/platform';

/** A disk of a few hundred megabytes, in memory. */
export interface SmallDisk extends AsyncDisposable {
  readonly folder: string;
  /** Takes what is left. */
  fill(): Promise<void>;
  /** Gives it back. */
  free(): Promise<void>;
}

const BLOCK = Buffer.alloc(1_048_576);

/** The reason, where this machine lets nobody mount one. */
export async function mountSmallDisk(megabytes: number): Promise<SmallDisk | string> {
  const parent = await temporaryFolder();
  const folder = join(parent, 'disk');
  await mkdir(folder);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=711`, 'tmpfs', folder]);
  } catch (error) {
    await rm(parent, { recursive: true });
    return error instanceof Error ? error.message : String(error);
  }
  await chmod(folder, 0o711);
  const filler = join(folder, 'filler');
  return {
    folder,
    fill: () => fill(folder, filler),
    free: () => rm(filler, { force: true }),
    async [Symbol.asyncDispose]() {
      await run('umount', ['--lazy', folder]);
      await rm(parent, { recursive: true, force: true });
    },
  };
}

async function fill(folder: string, filler: string): Promise<void> {
  const file = await open(filler, 'a');
  try {
    while ((await statfs(folder)).bavail > 0) await file.write(BLOCK);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    await file.close();
  }
}

const run = promisify(execFile);
