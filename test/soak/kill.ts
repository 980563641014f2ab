import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Platform } from '#test/acceptance/platform';
import { costOfTree, type ProcessCost } from '#test/bench/process-cost';
import { onRealServices } from '#test/services';

/** What dies: one process, the supervisor alone (its children must notice), or all of them at one blow. */
const VICTIMS = ['api', 'worker', 'postgres', 'supervisor', 'all'] as const;
export type Victim = (typeof VICTIMS)[number];

/** The real services are everybody's: where the platform stands on them, only its own processes die. */
export function possibleVictims(): readonly Victim[] {
  return onRealServices() ? VICTIMS.filter((victim) => victim !== 'postgres') : VICTIMS;
}

const FIND_MS = 60_000;

/** SIGKILL. Waits for a victim that is just being started again. */
export async function kill(platform: Pick<Platform, 'process' | 'dataDir'>, victim: Victim): Promise<void> {
  const deadline = Date.now() + FIND_MS;
  for (;;) {
    const pids = await pidsOf(platform, victim);
    for (const pid of pids) killIfThere(pid);
    if (pids.length > 0) return;
    if (Date.now() > deadline) throw new Error(`There is no ${victim} process to kill.`);
    await delay(20);
  }
}

/** The pid of a process of the platform, by what it is called in `ps`. */
export function findRole(tree: readonly ProcessCost[], role: 'api' | 'worker'): number | undefined {
  return tree.find(({ command }) => new RegExp(`^cairn ${role} |main\\.js ${role}\\b`).test(command))?.pid;
}

async function pidsOf(
  { process: supervisor, dataDir }: Pick<Platform, 'process' | 'dataDir'>,
  victim: Victim,
): Promise<number[]> {
  const root = supervisor.pid ?? 0;
  const tree = costOfTree(root);
  // A server that was taken over after a crash is nobody's child.
  const postmaster = await postmasterPid(dataDir);
  switch (victim) {
    case 'supervisor':
      return [root];
    case 'all': {
      const servers = postmaster === undefined ? [] : costOfTree(postmaster);
      return [...new Set([...tree, ...servers].map(({ pid }) => pid))];
    }
    case 'postgres':
      return postmaster === undefined ? [] : [postmaster];
    default: {
      const pid = findRole(tree, victim);
      return pid === undefined ? [] : [pid];
    }
  }
}

async function postmasterPid(dataDir: string): Promise<number | undefined> {
  try {
    const text = await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8');
    const pid = Number(text.split('\n')[0]);
    return costOfTree(pid).some(({ command }) => command.includes('postgres')) ? pid : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // A server process of PostgreSQL that ended between the look and the blow.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
