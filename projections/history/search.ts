import { setImmediate } from 'node:timers/promises';
import { CairnError } from '#domain/errors';
import type { EventFilter } from '#domain/filter/filter';
import {
  MAX_PAGE_ROWS,
  type AccountScope,
  type HistoryPage,
  type HistorySearch,
} from '#projections/history/history-index';
import type { Direction, IndexReader, Row } from '#projections/history/reader';
import { shownRow } from '#projections/history/shown-row';
import { narrow, type Span } from '#projections/history/spans';

/** Candidates looked at in one go, more each time; other requests run in between. */
const FIRST_CHECKED_ROWS = 256;
const MAX_CHECKED_ROWS = 4_096;
const MAX_SEARCH_MS = 10_000;

/** Narrows a filter to the accounts that may be seen. */
export function scoped(filter: EventFilter, accounts: AccountScope): EventFilter {
  if (accounts === 'ALL') return filter;
  return { kind: 'and', filters: [{ kind: 'in', field: 'account', values: accounts }, filter] };
}

export async function searchPage(reader: IndexReader, search: HistorySearch): Promise<HistoryPage> {
  const { limit, order, take = 'START' } = search;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_ROWS) {
    throw new CairnError('INVALID_ARGUMENT', `A page has 1 to ${MAX_PAGE_ROWS} rows.`, { path: 'first' });
  }
  const spans = withinCursors(reader, search);
  const forwards: Direction = order === 'TIME_ASC' ? 'ASC' : 'DESC';
  const direction = take === 'START' ? forwards : opposite(forwards);
  const rows = await firstRows(reader, direction === 'ASC' ? spans : spans.toReversed(), {
    direction,
    limit: limit + 1,
  });
  const hasMore = rows.length > limit;
  const page = hasMore ? rows.slice(0, limit) : rows;
  if (take === 'END') page.reverse();
  return { rows: page.map((row) => shownRow(reader, row)), hasMore };
}

function withinCursors(reader: IndexReader, search: HistorySearch): Span[] {
  const { order, after, before } = search;
  const [above, below] = order === 'TIME_ASC' ? [after, before] : [before, after];
  const first = above === undefined ? Number.MIN_SAFE_INTEGER : reader.rowidAt(above) + 1;
  const last = below === undefined ? Number.MAX_SAFE_INTEGER : reader.rowidAt(below) - 1;
  return reader
    .spans(scoped(search.filter, search.accounts))
    .map((span) => narrow(span, first, last))
    .filter((span) => span !== undefined);
}

function opposite(direction: Direction): Direction {
  return direction === 'ASC' ? 'DESC' : 'ASC';
}

/** The first rows of the spans, which come in the direction's order. */
async function firstRows(
  reader: IndexReader,
  spans: readonly Span[],
  { direction, limit }: { direction: Direction; limit: number },
): Promise<Row[]> {
  const deadline = Date.now() + MAX_SEARCH_MS;
  const found: Row[] = [];
  for (const span of spans) {
    for await (const rows of chunks(reader, span, { direction, limit: () => limit - found.length })) {
      for (const row of rows) if (span.check === undefined || reader.passes(span.check, row)) found.push(row);
      if (found.length >= limit) return found.slice(0, limit);
      if (Date.now() > deadline) {
        throw new CairnError('TIMEOUT', 'The search takes too long; narrow its filter or its time range.');
      }
    }
  }
  return found;
}

interface Chunking {
  readonly direction: Direction;
  /** Rows that are still wanted. */
  readonly limit: () => number;
}

/** The span's candidates, some at a time. */
export async function* chunks(
  reader: IndexReader,
  span: Span,
  { direction, limit }: Chunking,
): AsyncGenerator<readonly Row[]> {
  let left: Span | undefined = span;
  for (
    let checked = FIRST_CHECKED_ROWS;
    left !== undefined;
    checked = Math.min(checked * 2, MAX_CHECKED_ROWS)
  ) {
    const size = span.check === undefined ? limit() : checked;
    const rows = reader.rows(left, direction, size);
    yield rows;
    if (rows.length < size) return;
    const edge = Number(rows.at(-1)?.['id']);
    left =
      direction === 'ASC'
        ? narrow(left, edge + 1, Number.MAX_SAFE_INTEGER)
        : narrow(left, Number.MIN_SAFE_INTEGER, edge - 1);
    await setImmediate();
  }
}
