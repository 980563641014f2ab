import { CairnError } from '#domain/errors';
import type { EventFilter } from '#domain/filter/filter';
import { checkFilter } from '#domain/filter/check';
import type { Principal } from '#domain/principal';
import { coversAccount, shareOf } from '#domain/principal';
import type { Journal, JournalEvent, Place, SourceCounters } from '#journal/types';
import type {
  Freshness,
  HistoryCount,
  HistoryCounts,
  HistoryCursor,
  HistoryIndex,
  HistoryOrder,
  HistoryRow,
} from '#projections/history/history-index';
import type { EventIds } from '#journal/event-id';
import { EventNode } from '#subgraphs/events/event-node';
import { EventRecord } from '#subgraphs/events/event-record';
import { MemoryBudget } from '#platform/memory-budget';
import { FairTurns } from '#platform/fair/fair-turns';
import type { TimeSlices } from '#platform/fair/time-slices';
import { wellFormed } from '#subgraphs/events/record-values';
import type { Page } from '#subgraphs/shared/connection';

export interface ReaderDependencies {
  readonly journal: Pick<Journal, 'get' | 'counters'>;
  readonly history: HistoryIndex;
  readonly eventIds: EventIds;
  /** What answers may hold of events; by default READ_BUDGET. */
  readonly budget?: MemoryBudget | undefined;
  /** Shared with whatever else computes in the process. */
  readonly slices?: TimeSlices | undefined;
}

export interface EventPage {
  readonly nodes: readonly EventNode[];
  readonly more: boolean;
}

interface Waiting {
  readonly eventsBehind: number | null;
}

/** Bytes of events in the answers that are not out yet; as text and JSON they take some four times that. */
const READ_BUDGET = { request: 32 * 2 ** 20, process: 64 * 2 ** 20, group: 48 * 2 ** 20 };
/** Events that are read from the journal at a time; at 1 MB each they are as much as a request may have. */
const READ_AT_ONCE = 32;
/** Reads at the same time: until they are read, nobody knows how large events are. */
const READERS = 3;
/** Records that are turned into answers without a break. */
const ANSWERED_AT_ONCE = 16;
/** Rows that are made nodes, and records that are read, without a break. */
const MADE_AT_ONCE = 16;
/** Reads of one key that wait; its operations are fewer. */
const READS_WAITING = 2_000;

/** Reading events: of the caller's accounts only, whatever is asked. */
export class EventReader {
  private readonly budget: MemoryBudget;
  private readonly turns = new FairTurns({
    limit: READERS,
    waiting: READS_WAITING,
    full: () => busy('Too many reads of this key are waiting.'),
  });

  constructor(private readonly dependencies: ReaderDependencies) {
    this.budget = dependencies.budget ?? new MemoryBudget(READ_BUDGET);
  }

  /** `input` is an EventFilterInput that nobody has checked. */
  async search(
    principal: Principal,
    input: unknown,
    { order, page }: { readonly order: HistoryOrder; readonly page: Page },
  ): Promise<EventPage> {
    const cursor = this.cursorOf(page);
    const forward = page.direction === 'forward';
    const filter = checkFilter(input);
    return this.searchFilter(principal, filter, {
      order,
      limit: page.size,
      ...(forward ? { after: cursor } : { before: cursor, take: 'END' as const }),
    });
  }

  async searchFilter(
    principal: Principal,
    filter: EventFilter,
    range: {
      readonly order: HistoryOrder;
      readonly limit: number;
      readonly after?: HistoryCursor | undefined;
      readonly before?: HistoryCursor | undefined;
      readonly take?: 'START' | 'END' | undefined;
    },
  ): Promise<EventPage> {
    const { accounts } = principal;
    const limit = Math.max(1, range.limit);
    await this.dependencies.slices?.next(shareOf(principal));
    const found = await this.dependencies.history.search({ ...range, filter, accounts, limit });
    if (range.limit === 0) return { nodes: [], more: found.rows.length > 0 };
    this.takeMemory(
      principal,
      found.rows.reduce((sum, row) => sum + lengthOf(row), 0),
    );
    return { nodes: await this.nodesOf(principal, found.rows), more: found.hasMore };
  }

  /** Null for what is no event, was erased, or belongs to an account that the caller does not see. */
  async byId(principal: Principal, id: string): Promise<EventNode | null> {
    const [node = null] = await this.byIds(principal, [id]);
    return node;
  }

  async byIds(principal: Principal, ids: readonly string[]): Promise<(EventNode | null)[]> {
    const { eventIds } = this.dependencies;
    const known = ids.map((id) => eventIds.decode(id)?.place);
    const places = known.filter((place) => place !== undefined);
    const events = await this.readAll(principal, places, ({ account }) => coversAccount(principal, account));
    let next = 0;
    return known.map((place) => {
      const event = place === undefined ? undefined : events[next++];
      if (event === undefined) return null;
      const record = new EventRecord(event);
      return new EventNode(this.idOf(event), record.fields, () => Promise.resolve(record));
    });
  }

  async counts(
    principal: Principal,
    input: unknown,
    how: Pick<HistoryCount, 'groupBy' | 'top' | 'interval'>,
  ): Promise<HistoryCounts> {
    const { history, slices } = this.dependencies;
    const { accounts } = principal;
    const filter = checkFilter(input);
    await slices?.next(shareOf(principal));
    const counts = await history.counts({ filter, accounts, ...how });
    const groups = counts.groups.map(({ value, count }) => ({ value: value?.toWellFormed(), count }));
    return { ...counts, groups };
  }

  /** How many events are waiting would tell a key of some accounts how much the others record. */
  async freshness({ accounts }: Principal): Promise<Pick<Freshness, 'secondsBehind'> & Waiting> {
    const { eventsBehind, secondsBehind } = await this.dependencies.history.freshness();
    return { eventsBehind: accounts === 'ALL' ? eventsBehind : null, secondsBehind };
  }

  /** All sources for keys of all accounts, else the key's own. */
  async sourceCounters({ accounts, keyId }: Principal): Promise<readonly SourceCounters[]> {
    const counters = await this.dependencies.journal.counters();
    const own = ({ source }: SourceCounters): boolean =>
      source === `key:${keyId}` || source.startsWith(`import:${keyId}/`);
    const visible = accounts === 'ALL' ? counters : counters.filter(own);
    return visible.toSorted((one, other) => (one.source < other.source ? -1 : 1));
  }

  /** Undefined for what is no cursor of this installation. */
  findCursor(cursor: string): HistoryCursor | undefined {
    const event = this.dependencies.eventIds.decode(cursor);
    return event && { second: event.eventSeconds, position: event.place.position };
  }

  private cursorOf({ cursor, direction }: Page): HistoryCursor | undefined {
    if (cursor === undefined) return undefined;
    const found = this.findCursor(cursor);
    if (found !== undefined) return found;
    throw new CairnError('INVALID_CURSOR', 'The cursor is none of this list.', {
      path: direction === 'forward' ? 'after' : 'before',
    });
  }

  private idOf({ place, eventTime }: Pick<JournalEvent, 'place' | 'eventTime'>): string {
    return this.dependencies.eventIds.encode(place, eventTime);
  }

  /** The page's records are read together, once, when the first of them is asked for. */
  private nodesOf(principal: Principal, rows: readonly HistoryRow[]): Promise<EventNode[]> {
    let records: Promise<readonly (EventRecord | undefined)[]> | undefined;
    const pauses: (Promise<void> | undefined)[] = [];
    const load = async (index: number): Promise<EventRecord | undefined> => {
      records ??= this.readRecords(principal, rows);
      const all = await records;
      // What is answered from a record is computed when this resolves.
      const part = Math.floor(index / ANSWERED_AT_ONCE);
      await (pauses[part] ??= this.dependencies.slices?.next(shareOf(principal)));
      return all[index];
    };
    return this.inPieces(
      principal,
      rows,
      (row, index) => new EventNode(this.idOf(row), wellFormed(row), () => load(index)),
    );
  }

  private async readRecords(
    principal: Principal,
    rows: readonly HistoryRow[],
  ): Promise<readonly (EventRecord | undefined)[]> {
    const accounts = new Set(rows.map(({ account }) => account));
    const events = await this.readAll(
      principal,
      rows.map(({ place }) => place),
      ({ account }) => accounts.has(account),
    );
    return this.inPieces(principal, events, (event, index) => {
      const row = rows[index];
      // An index that is older than a restored journal may name a place that holds another event by now.
      const same = event?.account === row?.account && event?.eventId === row?.eventId;
      return event && same ? new EventRecord(event) : undefined;
    });
  }

  /** As `map`, and others are heard in between. */
  private async inPieces<T, R>(
    principal: Principal,
    items: readonly T[],
    make: (item: T, index: number) => R,
  ): Promise<R[]> {
    const share = shareOf(principal);
    const made: R[] = [];
    for (const [index, item] of items.entries()) {
      if (index % MADE_AT_ONCE === 0) await this.dependencies.slices?.next(share);
      made.push(make(item, index));
    }
    return made;
  }

  /** What may not be seen is as if it were not there; counted, its size would show. */
  private async readAll(
    principal: Principal,
    places: readonly Place[],
    isVisible: (event: JournalEvent) => boolean,
  ): Promise<readonly (JournalEvent | undefined)[]> {
    const share = shareOf(principal);
    const events: (JournalEvent | undefined)[] = [];
    for (let from = 0; from < places.length; from += READ_AT_ONCE) {
      const batch = await this.turns.take(share, async () => {
        this.takeMemory(principal, 0);
        await this.dependencies.slices?.next(share);
        const found = await this.dependencies.journal.get(places.slice(from, from + READ_AT_ONCE));
        const visible = found.map((event) => (event && isVisible(event) ? event : undefined));
        this.takeMemory(
          principal,
          visible.reduce((sum, event) => sum + (event?.raw.length ?? 0), 0),
        );
        return visible;
      });
      events.push(...batch);
    }
    return events;
  }

  private takeMemory(principal: Principal, bytes: number): void {
    const taken = this.budget.take(bytes, shareOf(principal).group);
    if (taken === 'request') {
      throw new CairnError('LIMIT_EXCEEDED', 'These events are too large for one request; ask for fewer.', {
        path: 'first',
      });
    }
    if (taken === 'process') throw busy('Too many large events are being answered.');
  }
}

function busy(message: string): CairnError {
  return new CairnError('TOO_MANY_REQUESTS', message, { retryAfter: 2 });
}

/** Characters of what a list shows of an event. */
function lengthOf({ resources, ...fields }: HistoryRow): number {
  const texts = [fields, ...resources].flatMap((part) => Object.values(part));
  return texts.reduce<number>((sum, text) => sum + (typeof text === 'string' ? text.length : 0), 0);
}
