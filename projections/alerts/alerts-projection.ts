import { MATCH_DAYS } from '#domain/alerts';
import { CairnError } from '#domain/errors';
import { indexedFields } from '#domain/event-fields';
import { recordWords } from '#domain/event-words';
import { FilterSubject } from '#domain/filter/subject';
import { isBefore } from '#journal/place';
import type { ErasureScope, JournalEvent, JournalSlice, Place } from '#journal/types';
import { compileAlerts, type AlertIndex } from '#projections/alerts/compile-alerts';
import type { MatchStore, Standing, Turn } from '#projections/alerts/matches/store';
import { tally, throttledPairs, type Found, type Hit } from '#projections/alerts/tally';
import { readableRecord } from '#projections/history/entry';
import { TakenOver, type Projection } from '#projections/projection';

/** The channel that is rung when something was raised; the message is `<epoch>:<next position>`. */
export const ALERTS_CHANNEL = 'alerts';

interface AlertsParts {
  readonly store: MatchStore;
  /** Told after a commit that raised something: all before this place is there to be read. */
  readonly ring: (next: Place) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const DAY_MS = 86_400_000;

/**
 * Which events concern which alerts: the writing side. Matches are ordered as the journal is, and an alert's filter
 * never reaches back: what a listener has passed stays as it was.
 */
export class AlertsProjection implements Projection {
  readonly name = 'alerts';
  readonly version = 1;
  readonly #parts: AlertsParts;
  #index: AlertIndex | undefined;
  /** How it stood when last seen here. */
  #seen: Standing | undefined;

  constructor(parts: AlertsParts) {
    this.#parts = parts;
  }

  async init(): Promise<void> {
    this.#index = undefined;
    await this.cursor();
  }

  /** Slices are read behind it: they are written only if nothing was erased since. */
  async cursor(): Promise<Place> {
    this.#seen = await this.#parts.store.standing();
    return this.#seen.cursor;
  }

  async write({ events, next }: JournalSlice): Promise<void> {
    const raised = await this.#parts.store.advance(next, (turn) => this.#find(turn, events));
    if (raised > 0) this.#parts.ring(next);
  }

  erase(scope: ErasureScope): Promise<void> {
    return this.#parts.store.erase(scope);
  }

  async reset(): Promise<void> {
    await this.#parts.store.reset();
    await this.cursor();
  }

  async tidy(): Promise<void> {
    await this.#parts.store.prune(new Date(this.#oldest()));
  }

  async close(): Promise<void> {
    this.#index = undefined;
  }

  async #find(turn: Turn, events: readonly JournalEvent[]): Promise<Found> {
    this.#check(turn);
    if (this.#index?.revision !== turn.revision) {
      this.#index = compileAlerts(turn.revision, await turn.alerts());
    }
    const hits = this.#hits(this.#index, turn.cursor, events);
    const pairs = throttledPairs(hits);
    return tally(hits, pairs.length === 0 ? [] : await turn.lastRaised(pairs));
  }

  #check({ cursor, erasures }: Turn): void {
    if (this.#seen !== undefined && isBefore(cursor, this.#seen.cursor)) {
      // The slice was read behind a cursor that was moved back: it would leave a gap.
      throw new TakenOver('Another process has begun alerts anew.', undefined);
    }
    if (this.#seen?.erasures !== erasures) {
      throw new CairnError('UNAVAILABLE', 'Events were erased meanwhile: the journal is read once more.');
    }
  }

  /** Of events that were not looked at before; matches of old ones would not be kept. */
  #hits(index: AlertIndex, cursor: Place, events: readonly JournalEvent[]): Hit[] {
    if (index.filters.size === 0) return [];
    const oldest = this.#oldest();
    const hits: Hit[] = [];
    for (const event of events) {
      if (isBefore(event.place, cursor) || event.receivedAt < oldest) continue;
      for (const alert of index.filters.matching(subjectOf(event))) {
        if (!isBefore(event.place, alert.from)) hits.push({ alert, event });
      }
    }
    return hits;
  }

  #oldest(): number {
    return this.#parts.now() - MATCH_DAYS * DAY_MS;
  }
}

function subjectOf(event: JournalEvent): FilterSubject {
  const record = readableRecord(event.raw);
  const { account, eventTime } = event;
  const eventId = event.eventIdIn?.(record) ?? event.eventId;
  return new FilterSubject(indexedFields(record, { account, eventTime, eventId }), () => recordWords(record));
}
