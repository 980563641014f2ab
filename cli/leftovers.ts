import { z } from 'zod';

import { readText, writeFileDurably } from '#platform/files';
import { commandOf, waitForExit } from '#platform/postgres/postmaster';

const PIDS = z.record(z.string(), z.int().positive());

/** Longer than a process takes to answer what it has in hand. */
const PATIENCE_MS = 20_000;

/** How a process of an installation is called in `ps`; by it we know our own from a stranger with its number. */
export function processTitle(role: string, installation: string): string {
  return `cairn ${role} ${installation}`;
}

/** Remembers who was started, for the next start after a crash of the supervisor. */
export async function rememberProcesses(file: string, pids: Readonly<Record<string, number>>): Promise<void> {
  await writeFileDurably(file, `${JSON.stringify(pids)}\n`);
}

/**
 * Waits until the processes of a supervisor that was killed are gone. They end by themselves when their
 * channel closes; one that hangs is ended here.
 */
export async function awaitLeftovers(file: string, installation: string): Promise<void> {
  const text = await readText(file);
  if (text === undefined) return;
  for (const [role, pid] of Object.entries(PIDS.parse(JSON.parse(text)))) {
    if (!(await commandOf(pid)).startsWith(processTitle(role, installation))) continue;
    if (await waitForExit(pid, PATIENCE_MS)) continue;
    process.kill(pid, 'SIGKILL');
    await waitForExit(pid, PATIENCE_MS);
  }
}
