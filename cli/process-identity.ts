import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

import { hasCode } from '#platform/files';

/**
 * What tells a process from a later one with the same number: the boot and the tick it began at (field 22 of
 * /proc/<pid>/stat), on macOS its starting time. Undefined when there is no such process.
 */
export async function processIdentity(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return startingTime(pid);
  try {
    const [boot, stat] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    // The command's name stands in brackets and may hold blanks and brackets of its own.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, began] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' ? undefined : `${boot.trim()}/${began}`;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}

/** Numbers of processes mean something within one of these only; containers have one each. */
export async function processNamespace(): Promise<string> {
  return process.platform === 'linux' ? readlink('/proc/self/ns/pid') : 'machine';
}

async function startingTime(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]);
    return stdout.trim() === '' ? undefined : stdout.trim();
  } catch (error) {
    // ps ends with 1 when nothing matches.
    if (error instanceof Error && 'code' in error && error.code === 1) return undefined;
    throw error;
  }
}
