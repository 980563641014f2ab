import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time in ticks of 10 ms. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Own and reaped children's user and system time, seconds. */
  readonly cpu: number;
}

export interface ProcessCost {
  readonly pid: number;
  readonly command: string;
  readonly cpuSeconds: number;
  /** Highest resident set so far, MB. */
  readonly peakMegabytes: number;
}

/** What a process and everything below it have used so far; processes that ended count through their parents. */
export function costOfTree(root: number): ProcessCost[] {
  const stats = allStats();
  const members = new Set([root]);
  for (let grew = true; grew;) {
    const before = members.size;
    for (const { pid, parent } of stats) if (members.has(parent)) members.add(pid);
    grew = members.size > before;
  }
  return stats.filter(({ pid }) => members.has(pid)).map(costOf);
}

export function totalCpu(costs: readonly ProcessCost[]): number {
  return costs.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

function allStats(): Stat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? []);
}

function readStat(pid: number): Stat | undefined {
  const text = readProc(pid, 'stat');
  if (text === undefined) return undefined;
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + (fields[index] ?? 0), 0);
  return { pid, parent: fields[1] ?? 0, cpu: ticks / TICKS_PER_SECOND };
}

function costOf({ pid, cpu }: Stat): ProcessCost {
  const peak = /VmHWM:\s+(\d+)/.exec(readProc(pid, 'status') ?? '')?.[1];
  const command = (readProc(pid, 'cmdline') ?? '').replaceAll('\0', ' ').trim();
  return { pid, command, cpuSeconds: cpu, peakMegabytes: Number(peak ?? 0) / 1024 };
}

/** Undefined for a process that has ended meanwhile. */
function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
