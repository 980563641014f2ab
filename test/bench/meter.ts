import { totalCpu, type ProcessCost } from '#test/bench/process-cost';

/** What one round took: of our own process, which sends, and of the server's processes. */
export interface Round {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

export async function meter(
  servers: () => readonly ProcessCost[],
  work: () => Promise<void>,
): Promise<Round> {
  const own = process.cpuUsage();
  const before = totalCpu(servers());
  const start = performance.now();
  await work();
  const wallSeconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(own);
  return { wallSeconds, cpuSeconds: (user + system) / 1e6 + totalCpu(servers()) - before };
}
