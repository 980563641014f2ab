import type { IndexedFields } from '#domain/event';
import type { EventFilter, FilterField } from '#domain/filter/filter';
import type { Place } from '#journal/types';

/** Whose events may be seen: of all accounts, or of these. */
export type AccountScope = 'ALL' | readonly string[];

/**
 * A point in the order of history: by the second of eventTime, then by position. It stays where it is while
 * events arrive, also when its event was erased.
 */
export interface HistoryCursor {
  /** Whole seconds since 1970 (eventTime, rounded down). */
  readonly second: number;
  readonly position: number;
}

export const HISTORY_ORDERS = ['TIME_DESC', 'TIME_ASC'] as const;
export type HistoryOrder = (typeof HISTORY_ORDERS)[number];

export interface HistorySearch {
  readonly filter: EventFilter;
  readonly accounts: AccountScope;
  readonly order: HistoryOrder;
  /** Only what follows this point in the given order. */
  readonly after?: HistoryCursor | undefined;
  /** Only what precedes this point in the given order. */
  readonly before?: HistoryCursor | undefined;
  /** Rows at most: 1 to MAX_PAGE_ROWS. */
  readonly limit: number;
  /** Take the page from the start of what is left (first), or from its end (last). Default: START. */
  readonly take?: 'START' | 'END' | undefined;
}

export const MAX_PAGE_ROWS = 1_000;

/** What a list shows of an event, answered by the index alone. */
export interface HistoryRow extends IndexedFields {
  readonly place: Place;
  readonly cursor: HistoryCursor;
}

export interface HistoryPage {
  /** In the order asked for, whichever end they were taken from. */
  readonly rows: readonly HistoryRow[];
  /** More rows lie beyond the page, in the direction that it was taken in. */
  readonly hasMore: boolean;
}

/** Lengths of a histogram's buckets, UTC. A week begins on Monday (ISO 8601). */
export const HISTORY_INTERVALS = ['MINUTE', 'HOUR', 'DAY', 'WEEK', 'MONTH'] as const;
export type HistoryInterval = (typeof HISTORY_INTERVALS)[number];

export interface HistoryCount {
  readonly filter: EventFilter;
  readonly accounts: AccountScope;
  /** Count per value of the field; an event with several values (resources) counts once for each. */
  readonly groupBy?: FilterField | undefined;
  /** Groups at most, the largest first: 1 to MAX_GROUPS. Default 10. */
  readonly top?: number | undefined;
  /** Count per interval of eventTime, oldest first; empty intervals are absent. */
  readonly interval?: HistoryInterval | undefined;
}

export const MAX_GROUPS = 1_000;
/** Buckets of one histogram: more than a year of hours. */
export const MAX_BUCKETS = 10_000;

export interface HistoryCounts {
  readonly total: number;
  /** Ties in the order of their values. Events without the field are the group `undefined`. */
  readonly groups: readonly { readonly value: string | undefined; readonly count: number }[];
  /** There are more groups than were asked for. */
  readonly moreGroups: boolean;
  readonly buckets: readonly {
    /** Milliseconds since 1970, UTC. */
    readonly start: number;
    readonly count: number;
  }[];
}

export interface Freshness {
  /** Positions of the journal that history has not seen yet. */
  readonly eventsBehind: number;
  /** Age of the oldest event that history has not seen yet, since its receipt; 0 when there is none. */
  readonly secondsBehind: number;
}

/** Events that the index did not take as they are. The journal has them; a rebuild tries them again. */
export interface HistoryRefusals {
  /** Events that history cannot find. */
  readonly missing: number;
  /** Events whose parameters alone are left out; every filter of ours finds them. */
  readonly abridged: number;
}

/**
 * Event history as the subgraphs ask it; projections/history/history-index.contract.ts says how it behaves.
 * Its meaning of a filter is that of `matches` in domain/filter.
 *
 * Errors: INVALID_ARGUMENT (limits, paging arguments), LIMIT_EXCEEDED (too many groups or buckets),
 * TIMEOUT (a count or a search that would take too long), UNAVAILABLE (no index yet, or it is being rebuilt).
 */
export interface HistoryIndex {
  search(search: HistorySearch): Promise<HistoryPage>;
  counts(count: HistoryCount): Promise<HistoryCounts>;
  freshness(): Promise<Freshness>;
  refusals(): Promise<HistoryRefusals>;
  close(): Promise<void>;
}
