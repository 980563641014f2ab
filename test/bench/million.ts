import { join } from 'node:path';
import { hardFilters, plainFilters } from '#test/bench/filters';
import { benchExports, type ExportRate } from '#test/bench/export';
import { folderSize } from '#test/bench/folder-size';
import { bodiesOf, FROM, generate, send, TO } from '#test/bench/load';
import { meter } from '#test/bench/meter';
import { benchPages, type Latency } from '#test/bench/pages';
import type { ProcessCost } from '#test/bench/process-cost';
import { becomesZero, startProduct, type Product } from '#test/bench/product';
import { median } from '#test/bench/statistics';

export interface MillionResult {
  readonly events: number;
  /** With all duties of the worker, until answered, sealed and in event history. */
  readonly perSecond: number;
  readonly perCpuSecond: number;
  /** Most events that history was behind, and how fast it caught up with what was left at the end. */
  readonly mostBehind: number;
  readonly catchUpPerSecond: number | undefined;
  /** The first questions after recording: other filters, nothing compiled, nothing in memory. */
  readonly firstPages: Latency;
  readonly pages: Latency;
  readonly hardPages: Latency;
  readonly exports: readonly ExportRate[];
  readonly bytesPerEvent: Readonly<Record<string, number>>;
  /** Before the exports, and with them. */
  readonly peakMegabytes: Readonly<Record<string, number>>;
  readonly peakWithExports: Readonly<Record<string, number>>;
  /** CPU time of recording, by process. */
  readonly cpuMicrosecondsPerEvent: Readonly<Record<string, number>>;
}

export interface MillionSize {
  readonly events: number;
  readonly say: (line: string) => void;
}

const ROUND = 100_000;
const FILTERS = 200;
const FIRST_RUN = 1_000;
const SEED = 7;

/** The whole product with history keeping up, then questions to what it holds. */
export async function benchMillion({ events: count, say }: MillionSize): Promise<MillionResult> {
  await using product = await startProduct({ CAIRN_SEAL_SECONDS: '1' });
  const before = cpuByRole(product.costs());
  const filling = await fill(product, count, say);
  const after = cpuByRole(product.costs());
  const { kept } = filling;
  const plain = plainFilters(kept, FILTERS, SEED);
  const firstPages = await benchPages(product, plainFilters(kept, FILTERS, SEED + 1));
  const pages = await benchPages(product, plain);
  const hardPages = await benchPages(product, hardFilters(kept, FILTERS, SEED));
  say(`pages: p95 ${pages.p95.toFixed(1)} ms, hard ones ${hardPages.p95.toFixed(1)} ms`);
  const peakMegabytes = peaks(product.costs());
  const bytesPerEvent = await sizes(product.dataDir, count);
  const exports = await benchExports(product);
  say(`exports: ${exports.map(({ rowsPerSecond }) => Math.round(rowsPerSecond)).join(', ')} rows/s`);
  const { events, perSecond, perCpuSecond, mostBehind, catchUpPerSecond } = filling;
  return {
    events,
    perSecond,
    perCpuSecond,
    mostBehind,
    catchUpPerSecond,
    firstPages,
    pages,
    hardPages,
    exports,
    bytesPerEvent,
    peakMegabytes,
    peakWithExports: peaks(product.costs()),
    cpuMicrosecondsPerEvent: Object.fromEntries(
      [...after].map(([role, seconds]) => [role, ((seconds - (before.get(role) ?? 0)) * 1e6) / count]),
    ),
  };
}

function peaks(costs: readonly ProcessCost[]): Record<string, number> {
  return Object.fromEntries(
    costs.flatMap((cost) => {
      const role = roleOf(cost);
      return role === undefined ? [] : [[role, Math.round(cost.peakMegabytes)]];
    }),
  );
}

type Filling = Pick<
  MillionResult,
  'events' | 'perSecond' | 'perCpuSecond' | 'mostBehind' | 'catchUpPerSecond'
> & { readonly kept: readonly Buffer[] };

async function fill(product: Product, count: number, say: MillionSize['say']): Promise<Filling> {
  const walls: number[] = [];
  const cpus: number[] = [];
  let kept: readonly Buffer[] = [];
  let mostBehind = 0;
  let caughtUp: number | undefined;
  const size = Math.min(ROUND, count);
  for (let done = 0; done < count; done += size) {
    const at = (share: number): number => FROM + ((TO - FROM) * share) / count;
    const events = generate(FIRST_RUN + done / size, size, [at(done), at(done + size)]);
    // A few of every round: filters are made of events that lie all over the history.
    kept = [...kept, ...events.filter((_, index) => index % 100 === 0)];
    const bodies = bodiesOf(events);
    const round = await meter(product.costs, async () => {
      await send(product, bodies);
      const behind = await product.eventsBehind();
      mostBehind = Math.max(mostBehind, behind);
      const start = performance.now();
      await becomesZero('events behind', () => product.eventsBehind());
      if (behind > size / 10) caughtUp = behind / ((performance.now() - start) / 1000);
      await product.sealed();
    });
    walls.push(size / round.wallSeconds);
    cpus.push(size / round.cpuSeconds);
    say(`${done + size} events: ${Math.round(size / round.wallSeconds)}/s with history`);
  }
  return {
    events: count,
    perSecond: Math.round(median(walls)),
    perCpuSecond: Math.round(median(cpus)),
    mostBehind,
    catchUpPerSecond: caughtUp === undefined ? undefined : Math.round(caughtUp),
    kept,
  };
}

/** Seconds so far; what PostgreSQL's ended processes used counts through the postmaster. */
function cpuByRole(costs: readonly ProcessCost[]): Map<string, number> {
  const seconds = new Map<string, number>();
  for (const cost of costs) {
    const role = roleOf(cost) ?? 'postgres';
    const name = role === 'postmaster' ? 'postgres' : role;
    seconds.set(name, (seconds.get(name) ?? 0) + cost.cpuSeconds);
  }
  return seconds;
}

function roleOf({ command }: ProcessCost): string | undefined {
  const [, role] = /^cairn (api|worker) |main\.js (api|worker)\b/.exec(command) ?? [];
  if (role !== undefined) return role;
  if (/cairn\.mjs start/.test(command)) return 'supervisor';
  return /bin\/postgres .*-D /.test(command) ? 'postmaster' : undefined;
}

async function sizes(dataDir: string, count: number): Promise<Record<string, number>> {
  const parts = ['objects', 'keys', 'history', 'postgres', 'postgres/pg_wal'];
  const bytes = await Promise.all(parts.map((part) => folderSize(join(dataDir, part))));
  return Object.fromEntries(parts.map((part, index) => [part, Math.round((bytes[index] ?? 0) / count)]));
}
