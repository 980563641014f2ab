/**
 * Event history at size: how fast it is filled, how large it is, how long a page and a count take.
 * `node test/bench/history.ts [events]` on a built checkout; one line of JSON at the end.
 */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseEvent, isRefusal } from '#domain/event-parse';
import { FILTER_FIELDS, type EventFilter } from '#domain/filter/filter';
import { fieldValues } from '#domain/filter/meaning';
import { EXAMPLE_ACCOUNTS, generateEvents } from '#domain/generator/events';
import type { JournalEvent, JournalSlice } from '#journal/types';
import type { HistoryRow } from '#projections/history/history-index';
import { HistoryProjection } from '#projections/history/history-projection';
import { KEEP_ALL } from '#projections/history/retention';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const SLICE = 10_000;
const SEED = 20_260;
const FROM = Date.UTC(2026, 0, 1);
const MONTH = 31 * 86_400_000;
const FILTERS = 200;

interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

function* slices(): Generator<JournalSlice> {
  let events: JournalEvent[] = [];
  let position = 0;
  const options = { seed: SEED, count: EVENTS, from: FROM, to: FROM + MONTH, accounts: EXAMPLE_ACCOUNTS };
  for (const text of generateEvents(options)) {
    const parsed = parseEvent(Buffer.from(text), { now: FROM + 2 * MONTH });
    if (isRefusal(parsed)) throw new Error(`The generator made an event that is refused: ${parsed.message}`);
    const { raw, eventId, eventTime, account = EXAMPLE_ACCOUNTS[0] } = parsed;
    const place = { epoch: 0, position };
    events.push({ place, receivedAt: FROM, account, source: 'key:bench', eventId, eventTime, raw });
    position += 1;
    if (events.length === SLICE || position === EVENTS) {
      yield { events, next: { epoch: 0, position }, behind: EVENTS - position };
      events = [];
    }
  }
}

async function fill(projection: HistoryProjection): Promise<Record<string, number>> {
  let [cpu, wall, bytes] = [0, 0, 0];
  for (const slice of slices()) {
    bytes += slice.events.reduce((sum, { raw }) => sum + raw.length, 0);
    const [start, before] = [performance.now(), process.cpuUsage()];
    await projection.write(slice);
    const { user, system } = process.cpuUsage(before);
    cpu += (user + system) / 1e6;
    wall += (performance.now() - start) / 1e3;
  }
  return {
    recordBytes: Math.round(bytes / EVENTS),
    eventsPerSecond: Math.round(EVENTS / wall),
    eventsPerCpuSecond: Math.round(EVENTS / cpu),
    writerRssMb: Math.round(process.memoryUsage().rss / 2 ** 20),
  };
}

/** The same choices in every run. */
function chooser(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

async function samples(index: SqliteHistoryIndex, choose: (below: number) => number): Promise<HistoryRow[]> {
  const rows: HistoryRow[] = [];
  while (rows.length < FILTERS) {
    const after = { second: Math.floor((FROM + choose(MONTH)) / 1000), position: 0 };
    const page = await index.search({
      filter: { kind: 'all' },
      accounts: 'ALL',
      order: 'TIME_DESC',
      limit: 1,
      after,
    });
    rows.push(...page.rows);
  }
  return rows;
}

function within(row: HistoryRow): EventFilter {
  const day = Math.floor(row.eventTime / 86_400_000) * 86_400_000;
  return { kind: 'time', from: day, to: day + 86_400_000 };
}

/** Conditions that the row meets: one per field that it has a value of. */
function conditionsOf(row: HistoryRow): EventFilter[] {
  return FILTER_FIELDS.flatMap((field) => {
    const [value] = fieldValues(row, field);
    return value === undefined ? [] : [{ kind: 'in' as const, field, values: [value] }];
  });
}

function fastFilters(rows: readonly HistoryRow[], choose: (below: number) => number): EventFilter[] {
  return rows.map((row, index) => {
    const conditions = conditionsOf(row);
    const pick = (): EventFilter => conditions[choose(conditions.length)] ?? { kind: 'all' };
    const three: EventFilter = { kind: 'and', filters: [pick(), pick(), pick()] };
    switch (index % 5) {
      case 0:
        return conditions[Math.floor(index / 5) % conditions.length] ?? { kind: 'all' };
      case 1:
        return three;
      case 2:
        return { kind: 'and', filters: [within(row), pick()] };
      case 3:
        return { kind: 'exists', field: FILTER_FIELDS[choose(FILTER_FIELDS.length)] ?? 'errorCode' };
      default:
        return { kind: 'and', filters: [within(row), pick(), { kind: 'not', filter: pick() }] };
    }
  });
}

const PREFIXED = [
  'eventName',
  'username',
  'principalArn',
  'userAgent',
  'eventId',
  'resourceArn',
  'resourceName',
] as const;
const WORDS = [
  'admin',
  'bucket',
  'role',
  'console',
  'boto3',
  'aws',
  'us',
  'policy',
  'accessdenied',
  'nosuchword',
  '443',
];

function slowFilters(rows: readonly HistoryRow[], choose: (below: number) => number): EventFilter[] {
  return rows.map((row, index) => {
    const [prefixed, word] = [
      PREFIXED[choose(PREFIXED.length)] ?? 'eventName',
      WORDS[choose(WORDS.length)] ?? '',
    ];
    const [value = 'Get'] = fieldValues(row, prefixed);
    const bits = 8 + choose(25);
    switch (index % 4) {
      case 0:
        return { kind: 'prefix', field: prefixed, value: value.slice(0, 3 + choose(20)) };
      case 1:
        return {
          kind: 'cidr',
          network: `${/^[\d.]+$/.test(row.sourceIPAddress ?? '') ? row.sourceIPAddress : '192.0.2.0'}/${bits}`,
        };
      case 2:
        return { kind: 'words', words: [word, row.eventId] };
      default:
        return { kind: 'and', filters: [{ kind: 'words', words: [word] }, within(row)] };
    }
  });
}

async function pages(index: SqliteHistoryIndex, filters: readonly EventFilter[]): Promise<Latency> {
  const times: number[] = [];
  let slowest: EventFilter | undefined;
  for (const filter of filters) {
    const start = performance.now();
    await index.search({ filter, accounts: 'ALL', order: 'TIME_DESC', limit: 50 });
    times.push(performance.now() - start);
    if (times.at(-1) === Math.max(...times)) slowest = filter;
  }
  process.stderr.write(`slowest: ${JSON.stringify(slowest)}\n`);
  return latency(times);
}

function latency(times: readonly number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 100) / 100;
  return { p50: at(0.5), p95: at(0.95), max: at(0.999_999) };
}

async function counts(index: SqliteHistoryIndex): Promise<Record<string, number>> {
  const name: EventFilter = { kind: 'exists', field: 'errorCode' };
  const timed = async (run: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    await run();
    return Math.round(performance.now() - start);
  };
  const all = { filter: { kind: 'all' } as const, accounts: 'ALL' as const };
  return {
    totalMs: await timed(() => index.counts(all)),
    groupsMs: await timed(() => index.counts({ ...all, groupBy: 'eventName' })),
    resourcesMs: await timed(() => index.counts({ ...all, groupBy: 'resourceArn' })),
    hoursMs: await timed(() => index.counts({ ...all, interval: 'HOUR' })),
    errorsByNameAndDayMs: await timed(() =>
      index.counts({ filter: name, accounts: 'ALL', groupBy: 'eventName', interval: 'DAY' }),
    ),
  };
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Bytes an event, by table and index. */
async function bytesByPart(path: string): Promise<Record<string, number>> {
  const generation = (await readFile(join(path, 'CURRENT'), 'utf8')).trim();
  const db = new DatabaseSync(join(path, generation, 'index.db'), { readOnly: true });
  const parts = db.prepare('SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name').all();
  db.close();
  const perEvent = parts.map(
    ({ name, bytes }) => [String(name), Math.round(Number(bytes) / EVENTS)] as const,
  );
  return Object.fromEntries(perEvent.filter(([, bytes]) => bytes > 0));
}

const folder = await mkdtemp(join(tmpdir(), 'cairn-bench-history-'));
try {
  const projection = new HistoryProjection(folder, KEEP_ALL);
  await projection.init();
  const filling = await fill(projection);
  await projection.close();
  const bytes = await sizeOf(folder);
  const index = new SqliteHistoryIndex(folder, {
    read: async (from) => ({ events: [], next: from, behind: 0 }),
  });
  const choose = chooser(SEED);
  const rows = await samples(index, choose);
  const [fast, slow] = [fastFilters(rows, choose), slowFilters(rows, choose)];
  await index.close();
  const cold = new SqliteHistoryIndex(folder, {
    read: async (from) => ({ events: [], next: from, behind: 0 }),
  });
  const result = {
    date: new Date().toISOString(),
    cpu: `${cpus().length} x ${cpus()[0]?.model}`,
    node: process.version,
    events: EVENTS,
    ...filling,
    bytesPerEvent: Math.round(bytes / EVENTS),
    bytesByPart: await bytesByPart(folder),
    pageMs: await pages(cold, fast),
    pageAgainMs: await pages(cold, fast),
    prefixCidrWordsMs: await pages(cold, slow),
    ...(await counts(cold)),
  };
  await cold.close();
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await rm(folder, { recursive: true });
}
