import { z } from 'zod';
import { CairnError } from '#domain/errors';
import { EVENT_CATEGORIES, type EventCategory } from '#domain/event';
import {
  MAX_PAGE_ROWS,
  type HistoryCursor,
  type HistoryPage,
  type HistoryRow,
  type HistorySearch,
} from '#projections/history/history-index';
import { shown } from '#projections/history/opensearch/exact-text';
import { every, queryOf, some, type Query } from '#projections/history/opensearch/query';

/** The body of a request for one page. */
export interface PageRequest {
  readonly body: object;
  /** Makes the page of OpenSearch's answer. */
  readonly read: (answer: unknown) => HistoryPage;
}

const MAX_SEARCH = '10s';

/**
 * One request for a page. A cursor is a point in the order of history (second and position), not a scroll or a
 * point in time that OpenSearch would have to keep open: it never expires, and one request sees one state.
 */
export function pageRequest(search: HistorySearch): PageRequest {
  const { limit, order, take = 'START', filter, accounts } = search;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_ROWS) {
    throw new CairnError('INVALID_ARGUMENT', `A page has 1 to ${MAX_PAGE_ROWS} rows.`, { path: 'first' });
  }
  const direction = (order === 'TIME_ASC') === (take === 'START') ? 'asc' : 'desc';
  const body = {
    query: every([queryOf(filter, accounts), ...withinCursors(search)]),
    sort: [{ second: direction }, { position: direction }],
    // One more tells whether there are more.
    size: limit + 1,
    track_total_hits: false,
    timeout: MAX_SEARCH,
  };
  return {
    body,
    read: (answer) => {
      const { timed_out: isLate, hits } = ANSWER.parse(answer);
      if (isLate) {
        throw new CairnError('TIMEOUT', 'The search takes too long; narrow its filter or its time range.');
      }
      const rows = hits.hits.slice(0, limit).map(({ _source }) => rowOf(_source));
      if (take === 'END') rows.reverse();
      return { rows, hasMore: hits.hits.length > limit };
    },
  };
}

function withinCursors({ order, after, before }: HistorySearch): Query[] {
  const [above, below] = order === 'TIME_ASC' ? [after, before] : [before, after];
  return [
    ...(above === undefined ? [] : beyond(above, 'gt')),
    ...(below === undefined ? [] : beyond(below, 'lt')),
  ];
}

function beyond({ second, position }: HistoryCursor, side: 'gt' | 'lt'): Query[] {
  const later: Query = { range: { second: { [side]: second } } };
  const sameSecond = every([{ term: { second } }, { range: { position: { [side]: position } } }]);
  return [some([later, sameSecond])];
}

const TEXT = z.string().optional();
const SOURCE = z.object({
  epoch: z.number(),
  position: z.number(),
  second: z.number(),
  eventTime: z.number(),
  eventId: z.string(),
  eventName: TEXT,
  eventSource: TEXT,
  readOnly: TEXT,
  username: TEXT,
  principalArn: TEXT,
  accessKeyId: TEXT,
  account: z.string(),
  region: TEXT,
  sourceIPAddress: TEXT,
  shownAddress: TEXT,
  userAgent: TEXT,
  errorCode: TEXT,
  category: z.string(),
  resources: z.array(z.object({ type: TEXT, name: TEXT, arn: TEXT })).optional(),
});
const ANSWER = z.object({
  timed_out: z.boolean(),
  hits: z.object({ hits: z.array(z.object({ _source: SOURCE })) }),
});

function rowOf(source: z.infer<typeof SOURCE>): HistoryRow {
  const { epoch, position, second } = source;
  return {
    place: { epoch, position },
    cursor: { second, position },
    eventId: shown(source.eventId),
    eventTime: source.eventTime,
    eventName: textOf(source.eventName),
    eventSource: textOf(source.eventSource),
    readOnly: source.readOnly === undefined ? undefined : source.readOnly === 'true',
    username: textOf(source.username),
    principalArn: textOf(source.principalArn),
    accessKeyId: textOf(source.accessKeyId),
    resources: (source.resources ?? []).map(({ type, name, arn }) => ({
      type: textOf(type),
      name: textOf(name),
      arn: textOf(arn),
    })),
    account: shown(source.account),
    region: textOf(source.region),
    sourceIPAddress: textOf(source.shownAddress ?? source.sourceIPAddress),
    userAgent: textOf(source.userAgent),
    errorCode: textOf(source.errorCode),
    category: categoryNamed(source.category),
  };
}

function textOf(stored: string | undefined): string | undefined {
  return stored === undefined ? undefined : shown(stored);
}

function categoryNamed(text: string): EventCategory {
  return EVENT_CATEGORIES.find((category) => category === text) ?? 'Management';
}
