import { setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '#domain/errors';
import { type Principal, shareOf } from '#domain/principal';
import type { EventIds } from '#journal/event-id';
import type { Journal, Place } from '#journal/types';
import type { FairTurns } from '#platform/fair/fair-turns';
import type { Share } from '#platform/fair/share';
import type { PubSub } from '#platform/pubsub/pubsub';
import type { MatchCursor } from '#projections/alerts/alert-row';
import type { AccountScope } from '#projections/history/history-index';
import type { AlertStore } from '#projections/alerts/store';
import type { Alerts } from '#subgraphs/events/alerts';
import { parseMatchCursor, printMatchCursor } from '#projections/alerts/match-cursor';
import type { RaisedAlert, RaisedEvent } from '#subgraphs/events/alerts/raised-event';
import { RaisedSource } from '#subgraphs/events/alerts/raised-source';
import { followFeed, type Past, turnsAtPast } from '#subgraphs/events/live/follow-feed';
import { type Audience, LiveFeed } from '#subgraphs/events/live/live-feed';
import type { LiveLimits } from '#subgraphs/events/live/live-events';
import type { LiveQueue } from '#subgraphs/events/live/live-queue';
import { MemoryShare } from '#subgraphs/events/live/memory-share';

export interface RaisedParts {
  readonly store: AlertStore;
  readonly alerts: Pick<Alerts, 'find'>;
  readonly journal: Pick<Journal, 'get' | 'read'>;
  readonly eventIds: EventIds;
  readonly pubsub: Pick<PubSub, 'subscribe'>;
  /** Hears why matches could not be read; it is tried again. */
  readonly onError: (error: unknown) => void;
  readonly limits?: LiveLimits | undefined;
  /** Milliseconds after which the feed looks by itself. */
  readonly lookMs?: number | undefined;
}

/** What a subscriber wants to be told. Nobody has checked it. */
export interface AlertWish {
  /** The cursor of a match: all that was raised behind it. */
  readonly after?: string | null | undefined;
  /** The id of an alert: only what it raises. */
  readonly alert?: string | null | undefined;
}

/** The same, checked. */
interface Wanted {
  readonly scope: AccountScope;
  /** The accounts of the scope; undefined: all. */
  readonly accounts: ReadonlySet<string> | undefined;
  readonly alert: string | undefined;
  /** Seen already. */
  readonly seen: MatchCursor | undefined;
}

const ALERT_LIVE_LIMITS: LiveLimits = { queue: { events: 1_000, bytes: 4 * 2 ** 20 }, bytes: 32 * 2 ** 20 };
/** Subscribers that read the past at the same time; the others wait, slice by slice, in turn by account. */
const BACKFILLS = 2;
/** Matches of a slice of the past. */
const SLICE = 64;
/** Milliseconds before it is looked again for matches that must come. */
const BEHIND_MS = 100;

/** Matches as they are raised, for the subscribers of this process. */
export class RaisedAlerts {
  readonly #parts: RaisedParts;
  readonly #limits: LiveLimits;
  readonly #source: RaisedSource;
  readonly #feed: LiveFeed<RaisedEvent, Wanted>;
  readonly #memory: MemoryShare;
  readonly #turns = turnsAtPast(BACKFILLS);

  constructor(parts: RaisedParts) {
    this.#parts = parts;
    this.#limits = parts.limits ?? ALERT_LIVE_LIMITS;
    this.#source = new RaisedSource(parts);
    this.#feed = new LiveFeed({ ...parts, source: this.#source, audience: () => new Listeners() });
    this.#memory = new MemoryShare(this.#limits.bytes);
  }

  /** Bytes of records that wait in all queues. */
  get bytesHeld(): number {
    return this.#memory.held;
  }

  /**
   * First what was raised behind the cursor, then what is raised, in the order of the journal, each match once. Of
   * alerts all of whose accounts the key covers. INVALID_CURSOR, CURSOR_EXPIRED and NOT_FOUND at once; SLOW_CONSUMER, with the
   * cursor to go on from, when the subscriber does not keep up.
   */
  async follow(
    principal: Principal,
    { after, alert }: AlertWish,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<RaisedAlert, void, void>> {
    const { eventIds } = this.#parts;
    const seen =
      after === undefined || after === null ? undefined : parseMatchCursor(eventIds, after, 'after');
    if (alert !== undefined && alert !== null) await this.#require(principal, alert);
    const { accounts: scope } = principal;
    const accounts = scope === 'ALL' ? undefined : new Set(scope);
    const wanted = { scope, accounts, alert: alert ?? undefined, seen };
    if (seen !== undefined) await this.#requireKept(seen.place);
    const head = await this.#source.head();
    // The event of the cursor once more: it may concern alerts that come behind.
    const start = seen?.place ?? head;
    const past = new RaisedPast(this.#source, this.#turns, { wanted, start, share: shareOf(principal) });
    past.behind = head.position - start.position;
    return this.#run(wanted, past, signal);
  }

  close(): Promise<void> {
    return this.#feed.close();
  }

  /** The cursor of an event of a lost epoch is refused before anything is sent: that event must have been there. */
  async #requireKept({ epoch, position }: Place): Promise<void> {
    await this.#parts.journal.read({ epoch, position: position + 1 }, 1);
  }

  async #require(principal: Principal, id: string): Promise<void> {
    if ((await this.#parts.alerts.find(principal, id)) !== undefined) return;
    throw new CairnError('NOT_FOUND', 'There is no alert with this id.', { path: 'alert' });
  }

  async *#run(
    wanted: Wanted,
    past: RaisedPast,
    signal: AbortSignal,
  ): AsyncGenerator<RaisedAlert, void, void> {
    let cursor = wanted.seen === undefined ? this.#cursorBefore(past.next) : this.#print(wanted.seen);
    const follower = {
      feed: this.#feed,
      wish: wanted,
      past,
      limits: this.#limits.queue,
      memory: this.#memory,
      overrun: () => slow(cursor),
    };
    for await (const event of followFeed(follower, signal)) {
      for (const raised of event.alerts) {
        if (!isWanted(wanted, raised)) continue;
        cursor = raised.cursor;
        yield raised;
      }
    }
  }

  /** Of a place before which nothing was shown; null at the very beginning. */
  #cursorBefore({ epoch, position }: Place): string | null {
    return position === 0 ? null : this.#print({ place: { epoch, position: position - 1 }, alert: LAST_ID });
  }

  #print({ place, alert }: MatchCursor): string {
    return printMatchCursor(this.#parts.eventIds, { place, alert, eventTime: 0 });
  }
}

/** No alert of the same event comes behind it. */
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Every match is offered to those who cover its alert: there are far fewer matches than events. */
class Listeners implements Audience<RaisedEvent, Wanted> {
  readonly #wanted = new Map<LiveQueue<RaisedEvent>, Wanted>();

  add(wanted: Wanted, queue: LiveQueue<RaisedEvent>): () => void {
    this.#wanted.set(queue, wanted);
    return () => this.#wanted.delete(queue);
  }

  matching({ alerts }: RaisedEvent): LiveQueue<RaisedEvent>[] {
    const told: LiveQueue<RaisedEvent>[] = [];
    for (const [queue, wanted] of this.#wanted) {
      if (alerts.some((raised) => isWanted(wanted, raised))) told.push(queue);
    }
    return told;
  }
}

/** Reads the table of matches for one subscriber. */
class RaisedPast implements Past<RaisedEvent> {
  next: Place;
  /** Positions to the end of what the projection has seen, when last seen. */
  behind = 0;
  readonly #source: RaisedSource;
  readonly #turns: FairTurns;
  readonly #share: Share;
  readonly #wanted: Wanted;

  constructor(
    source: RaisedSource,
    turns: FairTurns,
    of: { readonly wanted: Wanted; readonly start: Place; readonly share: Share },
  ) {
    this.#source = source;
    this.#turns = turns;
    this.#share = of.share;
    this.#wanted = of.wanted;
    this.next = of.start;
  }

  read(end = Infinity): Promise<readonly RaisedEvent[]> {
    return this.#turns.take(this.#share, async () => {
      const slice = await this.#source.readOf(this.#wanted, this.next, SLICE);
      this.behind = slice.behind;
      const { epoch, position } = slice.next;
      // The projection has begun anew, and is not yet where it was.
      if (slice.behind === 0 && position < end && end !== Infinity) await delay(BEHIND_MS);
      this.next = { epoch, position: Math.min(position, end) };
      return [...slice.items].filter(({ place }) => place.position < end);
    });
  }
}

function isWanted({ accounts, alert, seen }: Wanted, { match }: RaisedAlert): boolean {
  if (alert !== undefined && match.alert !== alert) return false;
  if (!coversAll(accounts, match.alertScope)) return false;
  const isAgain =
    seen !== undefined &&
    match.place.epoch === seen.place.epoch &&
    match.place.position === seen.place.position &&
    match.alert <= seen.alert;
  return !isAgain;
}

function coversAll(accounts: Wanted['accounts'], scope: AccountScope): boolean {
  if (accounts === undefined) return true;
  return scope !== 'ALL' && scope.every((account) => accounts.has(account));
}

function slow(cursor: string | null): CairnError {
  return new CairnError(
    'SLOW_CONSUMER',
    'Matches came faster than they were taken. Subscribe again with `after` set to extensions.cursor.',
    { cursor },
  );
}
