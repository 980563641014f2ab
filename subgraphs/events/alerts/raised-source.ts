import type { EventIds } from '#journal/event-id';
import type { Journal, JournalEvent, Place } from '#journal/types';
import { ALERTS_CHANNEL } from '#projections/alerts/alerts-projection';
import type { AlertStore, MatchesOf, RaisedMatch } from '#projections/alerts/store';
import { RaisedEvent } from '#subgraphs/events/alerts/raised-event';
import type { LiveSlice, LiveSource } from '#subgraphs/events/live/live-feed';

interface SourceParts {
  readonly store: Pick<AlertStore, 'cursor' | 'raised'>;
  readonly journal: Pick<Journal, 'get'>;
  readonly eventIds: EventIds;
}

/** Matches at most that a slice has; their events may be a megabyte each. */
const MATCHES = 128;

/** What alerts have raised, in the order of the journal, with the events from there; erased ones are passed over. */
export class RaisedSource implements LiveSource<RaisedEvent> {
  readonly channel = ALERTS_CHANNEL;
  readonly #parts: SourceParts;

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  head(): Promise<Place> {
    return this.#parts.store.cursor();
  }

  read(from: Place, limit: number): Promise<LiveSlice<RaisedEvent>> {
    return this.readOf({ scope: 'ALL' }, from, limit);
  }

  async readOf(of: Omit<MatchesOf, 'since'>, from: Place, limit: number): Promise<LiveSlice<RaisedEvent>> {
    const { store, journal } = this.#parts;
    const { matches, next, behind } = await store.raised(of, from, Math.min(limit, MATCHES));
    const groups = byPlace(matches);
    const events = await journal.get(groups.map(([{ place }]) => place));
    return { items: this.#made(groups, events), next, behind };
  }

  *#made(groups: readonly Group[], events: readonly (JournalEvent | undefined)[]): Generator<RaisedEvent> {
    for (const [index, group] of groups.entries()) {
      const event = events[index];
      // A journal that was restored may have another event there by now.
      if (event === undefined || event.account !== group[0].account) continue;
      yield new RaisedEvent(event, group, this.#parts.eventIds);
    }
  }
}

/** The matches of one event. */
type Group = [RaisedMatch, ...RaisedMatch[]];

function byPlace(matches: readonly RaisedMatch[]): Group[] {
  const groups: Group[] = [];
  for (const match of matches) {
    const last = groups.at(-1);
    const [{ place }] = last ?? [match];
    const isSame = place.epoch === match.place.epoch && place.position === match.place.position;
    if (last !== undefined && isSame) last.push(match);
    else groups.push([match]);
  }
  return groups;
}
