import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRefusal, parseEvent } from '#domain/event-parse';
import { checkFilter } from '#domain/filter/check';
import type { EventFilterInput } from '#domain/filter/input';
import { EXAMPLE_ACCOUNTS } from '#domain/generator/events';
import type { JournalEvent, JournalSlice } from '#journal/types';
import type { HistoryIndex } from '#projections/history/history-index';
import { HistoryProjection } from '#projections/history/history-projection';
import { OpenSearchHistoryIndex } from '#projections/history/opensearch/opensearch-history-index';
import { OpenSearchProjection } from '#projections/history/opensearch/opensearch-projection';
import { KEEP_ALL } from '#projections/history/retention';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';
import type { Projection } from '#projections/projection';
import { hardFilters, plainFilters } from '#test/bench/filters';
import { generate, TO } from '#test/bench/load';
import { meter } from '#test/bench/meter';
import { costOfTree, type ProcessCost } from '#test/bench/process-cost';
import { quantile } from '#test/bench/statistics';
import { createOpenSearchBed } from '#test/opensearch-bed';

/** One engine under the same work: filled slice by slice, then asked for pages of 50 rows, one after the other. */
export interface EngineResult {
  readonly engine: string;
  readonly eventsPerSecond: number;
  /** Of our process and the engine's. */
  readonly eventsPerCpuSecond: number;
  /** Milliseconds: p50 and p95 of the filters that benchmarks.md has, and of prefixes, networks and words. */
  readonly plain: readonly [number, number];
  readonly hard: readonly [number, number];
}

interface Engine extends AsyncDisposable {
  readonly name: string;
  readonly projection: Projection;
  readonly index: HistoryIndex;
  readonly costs: () => readonly ProcessCost[];
}

const SLICE = 10_000;
const FILTERS = 200;
const SEED = 7;

/** Catch-up and look-ups of the embedded index and of OpenSearch on the same events. */
export async function benchHistory(events: number, openSearchPid: number): Promise<readonly EngineResult[]> {
  const slices = slicesOf(generate(1, events));
  const raws = slices.flatMap((slice) => slice.events.filter((_, at) => at % 100 === 0));
  const kept = raws.map(({ raw }) => raw);
  const results: EngineResult[] = [];
  for (const open of [openSqlite, () => openOpenSearch(openSearchPid)]) {
    await using engine = await open();
    results.push(await benchEngine(engine, slices, kept));
  }
  return results;
}

async function benchEngine(
  { name, projection, index, costs }: Engine,
  slices: readonly JournalSlice[],
  kept: readonly Buffer[],
): Promise<EngineResult> {
  const events = slices.reduce((sum, slice) => sum + slice.events.length, 0);
  const round = await meter(costs, async () => {
    for (const slice of slices) await projection.write(slice);
  });
  const warm = plainFilters(kept, FILTERS, SEED + 1);
  await pages(index, warm);
  return {
    engine: name,
    eventsPerSecond: Math.round(events / round.wallSeconds),
    eventsPerCpuSecond: Math.round(events / round.cpuSeconds),
    plain: await pages(index, plainFilters(kept, FILTERS, SEED)),
    hard: await pages(index, hardFilters(kept, FILTERS, SEED)),
  };
}

async function pages(
  index: HistoryIndex,
  filters: readonly EventFilterInput[],
): Promise<readonly [number, number]> {
  const times: number[] = [];
  for (const input of filters) {
    const start = performance.now();
    await index.search({ filter: checkFilter(input), accounts: 'ALL', order: 'TIME_DESC', limit: 50 });
    times.push(performance.now() - start);
  }
  return [quantile(times, 0.5), quantile(times, 0.95)];
}

/** Nothing is read back from a journal here: both engines are written to directly. */
const NO_JOURNAL = {
  read: (from: JournalSlice['next']) => Promise.resolve({ events: [], next: from, behind: 0 }),
};

async function openSqlite(): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-bench-history-'));
  const projection = new HistoryProjection(folder, KEEP_ALL);
  await projection.init();
  const index = new SqliteHistoryIndex(folder, NO_JOURNAL);
  return {
    name: 'SQLite (embedded)',
    projection,
    index,
    costs: () => [],
    async [Symbol.asyncDispose]() {
      await index.close();
      await projection.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function openOpenSearch(pid: number): Promise<Engine> {
  const bed = createOpenSearchBed();
  const projection = new OpenSearchProjection(bed.options);
  await projection.init();
  const index = new OpenSearchHistoryIndex(bed.options, NO_JOURNAL);
  return {
    name: 'OpenSearch',
    projection,
    index,
    costs: () => costOfTree(pid),
    async [Symbol.asyncDispose]() {
      await index.close();
      await projection.close();
      await bed.remove();
    },
  };
}

function slicesOf(raws: readonly Buffer[]): JournalSlice[] {
  const slices: JournalSlice[] = [];
  for (let first = 0; first < raws.length; first += SLICE) {
    const events = raws.slice(first, first + SLICE).map((raw, at) => eventOf(raw, first + at));
    const position = first + events.length;
    slices.push({ events, next: { epoch: 0, position }, behind: raws.length - position });
  }
  return slices;
}

function eventOf(bytes: Buffer, position: number): JournalEvent {
  const parsed = parseEvent(bytes, { now: TO });
  if (isRefusal(parsed)) throw new Error(`The generator made an event that is refused: ${parsed.message}`);
  const { raw, eventId, eventTime, account = EXAMPLE_ACCOUNTS[0] } = parsed;
  return {
    place: { epoch: 0, position },
    receivedAt: TO,
    account,
    source: 'key:bench',
    eventId,
    eventTime,
    raw,
  };
}
