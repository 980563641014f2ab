import { setImmediate } from 'node:timers/promises';
import { CairnError } from '#domain/errors';
import { MAX_GROUPS, type HistoryCount, type HistoryCounts } from '#projections/history/history-index';
import type { IndexReader } from '#projections/history/reader';
import { chunks, scoped } from '#projections/history/search';
import { narrow, type Span } from '#projections/history/spans';
import { BucketTally, GroupTally, TotalTally, type Tally } from '#projections/history/tally';

/** Rows counted in one go, some ten milliseconds; other requests run in between. */
const CHUNK_ROWS = 20_000;
const MAX_COUNT_MS = 20_000;
const DEFAULT_GROUPS = 10;

/** Counts on a connection of its own, whose transaction sees one state of the index. */
export async function countEvents(reader: IndexReader, count: HistoryCount): Promise<HistoryCounts> {
  const { top = DEFAULT_GROUPS } = count;
  if (!Number.isInteger(top) || top < 1 || top > MAX_GROUPS) {
    throw new CairnError('INVALID_ARGUMENT', `There can be 1 to ${MAX_GROUPS} groups.`, { path: 'top' });
  }
  const total = new TotalTally();
  const groups = count.groupBy === undefined ? undefined : new GroupTally(reader, count.groupBy);
  const buckets = count.interval === undefined ? undefined : new BucketTally(count.interval);
  const spans = reader.spans(scoped(count.filter, count.accounts));
  const deadline = Date.now() + MAX_COUNT_MS;
  for (const tally of [total, groups, buckets]) {
    if (tally === undefined) continue;
    for (const span of spans) await tallySpan(reader, span, { tally, deadline });
  }
  return {
    total: total.total,
    ...(groups?.groups(top) ?? { groups: [], moreGroups: false }),
    buckets: buckets?.buckets() ?? [],
  };
}

interface Pass {
  readonly tally: Tally;
  readonly deadline: number;
}

async function tallySpan(reader: IndexReader, span: Span, pass: Pass): Promise<void> {
  if (span.check === undefined) return tallyIndexed(reader, span, pass);
  const { check } = span;
  for await (const rows of chunks(reader, span, { direction: 'DESC', limit: () => CHUNK_ROWS })) {
    refuseAfter(pass.deadline);
    for (const row of rows) if (reader.passes(check, row)) pass.tally.add(pass.tally.keyOf(row), 1);
  }
}

/** SQLite counts by itself, a stretch of rows at a time. */
async function tallyIndexed(reader: IndexReader, span: Span, { tally, deadline }: Pass): Promise<void> {
  const statement = reader.db.prepare(
    `SELECT ${tally.sql} AS key, count(*) AS count, min(id) AS low FROM (${rowsOf(span, tally)}) GROUP BY 1`,
  );
  for (let left: Span | undefined = span; left !== undefined; await setImmediate()) {
    refuseAfter(deadline);
    const { query, first, last } = left;
    const groups =
      query === undefined
        ? statement.all(first, last, CHUNK_ROWS)
        : statement.all(query, first, last, CHUNK_ROWS);
    let counted = 0;
    let low = Infinity;
    for (const group of groups) {
      tally.add(group['key'], Number(group['count']));
      counted += Number(group['count']);
      low = Math.min(low, Number(group['low']));
    }
    left = counted < CHUNK_ROWS ? undefined : narrow(left, Number.MIN_SAFE_INTEGER, low - 1);
  }
}

function rowsOf({ query }: Span, { column }: Tally): string {
  const key = column === undefined ? '' : `, e.${column} AS key`;
  const bounds = 'BETWEEN CAST(? AS INTEGER) AND CAST(? AS INTEGER)';
  if (query === undefined) {
    return `SELECT e.id AS id${key} FROM event e WHERE e.id ${bounds} ORDER BY e.id DESC LIMIT ?`;
  }
  const join = column === undefined ? '' : 'CROSS JOIN event e ON e.id = t.rowid';
  return `SELECT t.rowid AS id${key} FROM term t ${join} WHERE t.term MATCH ? AND t.rowid ${bounds}
    ORDER BY t.rowid DESC LIMIT ?`;
}

function refuseAfter(deadline: number): void {
  if (Date.now() > deadline) {
    throw new CairnError('TIMEOUT', 'Counting takes too long; narrow the filter or its time range.');
  }
}
