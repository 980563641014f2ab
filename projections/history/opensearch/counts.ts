import { z } from 'zod';
import { CairnError } from '#domain/errors';
import { ALWAYS_PRESENT } from '#domain/filter/tokens';
import type { FilterField } from '#domain/filter/filter';
import {
  MAX_BUCKETS,
  MAX_GROUPS,
  type HistoryCount,
  type HistoryCounts,
  type HistoryInterval,
} from '#projections/history/history-index';
import { shown } from '#projections/history/opensearch/exact-text';
import { fieldName, queryOf, type Query } from '#projections/history/opensearch/query';

/** Sends a body to `_search`; the events that it sees are those of one moment, or of one point in time. */
export type Ask = (body: object) => Promise<unknown>;

type Group = HistoryCounts['groups'][number];

const DEFAULT_GROUPS = 10;
const MAX_COUNT = '20s';
/** Values that a shard reports: if it has no more of them, the counts are exact. */
const SHARD_GROUPS = 10_000;
const PAGE_GROUPS = 10_000;
/** Values that are counted one by one, as in the embedded index. */
const MAX_DISTINCT = 200_000;

const INTERVALS: Readonly<Record<HistoryInterval, string>> = {
  MINUTE: 'minute',
  HOUR: 'hour',
  DAY: 'day',
  WEEK: 'week',
  MONTH: 'month',
};

const ANSWER = z.object({
  timed_out: z.boolean(),
  hits: z.object({ total: z.object({ value: z.number() }) }),
  aggregations: z
    .object({
      groups: z
        .object({
          doc_count_error_upper_bound: z.number(),
          sum_other_doc_count: z.number(),
          buckets: z.array(z.object({ key: z.string(), doc_count: z.number() })),
        })
        .optional(),
      without: z.object({ doc_count: z.number() }).optional(),
      times: z.object({ buckets: z.array(z.object({ key: z.number(), doc_count: z.number() })) }).optional(),
    })
    .optional(),
});
type Answer = z.infer<typeof ANSWER>;

export interface CountRequest {
  readonly count: HistoryCount;
  readonly query: Query;
  readonly top: number;
}

export function countRequest(count: HistoryCount): CountRequest {
  const { top = DEFAULT_GROUPS } = count;
  if (!Number.isInteger(top) || top < 1 || top > MAX_GROUPS) {
    throw new CairnError('INVALID_ARGUMENT', `There can be 1 to ${MAX_GROUPS} groups.`, { path: 'top' });
  }
  return { count, query: queryOf(count.filter, count.accounts), top };
}

/** Undefined when the largest groups cannot be told exactly in one request: `countWhole` can. */
export async function countAtOnce(ask: Ask, request: CountRequest): Promise<HistoryCounts | undefined> {
  const { count, top } = request;
  const answer = await askCounts(ask, request, count.groupBy);
  const { groups, without } = answer.aggregations ?? {};
  if (groups === undefined) return countsOf(answer, [], top);
  const found = groups.buckets.map(({ key, doc_count }) => ({ value: shown(key), count: doc_count }));
  if (groups.doc_count_error_upper_bound > 0 || isTieOpen(found, groups, top)) return undefined;
  const all = withoutValue(found, without?.doc_count);
  const counts = countsOf(answer, all, top);
  return { ...counts, moreGroups: counts.moreGroups || groups.sum_other_doc_count > 0 };
}

/** The same by counting every value. `ask` must see one point in time. */
export async function countWhole(ask: Ask, request: CountRequest): Promise<HistoryCounts> {
  const { count, top } = request;
  const answer = await askCounts(ask, request, undefined);
  if (count.groupBy === undefined) return countsOf(answer, [], top);
  const found = await allGroups(ask, request.query, count.groupBy);
  const total = answer.hits.total.value;
  const without = ALWAYS_PRESENT.includes(count.groupBy)
    ? 0
    : await countWithout(ask, request, count.groupBy);
  return { ...countsOf(answer, withoutValue(found, without), top), total };
}

async function askCounts(
  ask: Ask,
  { count, query, top }: CountRequest,
  groupBy: FilterField | undefined,
): Promise<Answer> {
  const field = groupBy === undefined ? undefined : fieldName(groupBy);
  const groups = {
    terms: { field, size: top + 1, shard_size: SHARD_GROUPS, order: [{ _count: 'desc' }, { _key: 'asc' }] },
  };
  const times =
    count.interval === undefined
      ? {}
      : {
          times: {
            date_histogram: {
              field: 'eventTime',
              calendar_interval: INTERVALS[count.interval],
              min_doc_count: 1,
            },
          },
        };
  const grouped = field === undefined ? {} : { groups, without: { missing: { field } } };
  const answer = ANSWER.parse(
    await ask({
      query,
      size: 0,
      track_total_hits: true,
      timeout: MAX_COUNT,
      aggs: { ...grouped, ...times },
    }),
  );
  if (answer.timed_out) throw tooLong();
  return answer;
}

async function countWithout(ask: Ask, { query }: CountRequest, groupBy: FilterField): Promise<number> {
  const missing = { bool: { filter: [query], must_not: [{ exists: { field: fieldName(groupBy) } }] } };
  const body = { query: missing, size: 0, track_total_hits: true, timeout: MAX_COUNT };
  const answer = ANSWER.parse(await ask(body));
  if (answer.timed_out) throw tooLong();
  return answer.hits.total.value;
}

const PAGE = z.object({
  timed_out: z.boolean(),
  aggregations: z.object({
    values: z.object({
      after_key: z.object({ value: z.string() }).optional(),
      buckets: z.array(z.object({ key: z.object({ value: z.string() }), doc_count: z.number() })),
    }),
  }),
});

async function allGroups(ask: Ask, query: Query, groupBy: FilterField): Promise<Group[]> {
  const sources = [{ value: { terms: { field: fieldName(groupBy) } } }];
  const found: Group[] = [];
  let after: { readonly value: string } | undefined;
  do {
    const composite = { size: PAGE_GROUPS, sources, ...(after === undefined ? {} : { after }) };
    const body = {
      query,
      size: 0,
      track_total_hits: false,
      timeout: MAX_COUNT,
      aggs: { values: { composite } },
    };
    const { timed_out: isLate, aggregations } = PAGE.parse(await ask(body));
    if (isLate) throw tooLong();
    const { buckets, after_key: next } = aggregations.values;
    for (const { key, doc_count } of buckets) found.push({ value: shown(key.value), count: doc_count });
    if (found.length > MAX_DISTINCT) {
      const message = `There are more than ${MAX_DISTINCT} values; narrow the filter.`;
      throw new CairnError('LIMIT_EXCEEDED', message, { path: 'groupBy' });
    }
    after = buckets.length < PAGE_GROUPS ? undefined : next;
  } while (after !== undefined);
  return found;
}

function countsOf(answer: Answer, groups: readonly Group[], top: number): HistoryCounts {
  const times = answer.aggregations?.times?.buckets ?? [];
  if (times.length > MAX_BUCKETS) throw tooManyBuckets();
  return {
    total: answer.hits.total.value,
    groups: groups.toSorted((a, b) => b.count - a.count || compareText(a.value, b.value)).slice(0, top),
    moreGroups: groups.length > top,
    buckets: times.map(({ key, doc_count }) => ({ start: key, count: doc_count })),
  };
}

function withoutValue(groups: readonly Group[], count: number | undefined): readonly Group[] {
  return count === undefined || count === 0 ? groups : [...groups, { value: undefined, count }];
}

/**
 * OpenSearch breaks ties by bytes of UTF-8, we by units of UTF-16: among equal counts at the edge, values that
 * the two sort differently may have been left out.
 */
function isTieOpen(
  found: readonly Group[],
  { sum_other_doc_count: others }: { readonly sum_other_doc_count: number },
  top: number,
): boolean {
  if (others === 0) return false;
  const least = found.at(-1)?.count;
  const tied = found.slice(0, top).filter(({ count }) => count === least);
  return tied.some(({ value }) => value !== undefined && /[\ud800-\uffff\u0010]/.test(value));
}

/** By UTF-16 units; what has no value comes last. */
function compareText(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function tooManyBuckets(): CairnError {
  return new CairnError('LIMIT_EXCEEDED', `There are more than ${MAX_BUCKETS} intervals with events.`, {
    path: 'interval',
  });
}

function tooLong(): CairnError {
  return new CairnError('TIMEOUT', 'Counting takes too long; narrow the filter or its time range.');
}
