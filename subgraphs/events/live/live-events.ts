import { CairnError } from '#domain/errors';
import { checkFilter } from '#domain/filter/check';
import { compileFilter } from '#domain/filter/compile';
import type { EventFilter } from '#domain/filter/filter';
import { FilterIndex } from '#domain/filter/filter-index';
import { simplify } from '#domain/filter/simplify';
import { type Principal, shareOf } from '#domain/principal';
import { JOURNAL_CHANNEL } from '#journal/append/doorbell';
import type { EventIds } from '#journal/event-id';
import type { Journal, JournalEvent, Place } from '#journal/types';
import type { FairTurns } from '#platform/fair/fair-turns';
import type { Share } from '#platform/fair/share';
import type { PubSub } from '#platform/pubsub/pubsub';
import { followFeed, type Past, turnsAtPast } from '#subgraphs/events/live/follow-feed';
import { LiveEvent } from '#subgraphs/events/live/live-event';
import { type Audience, LiveFeed, type LiveSource } from '#subgraphs/events/live/live-feed';
import type { LiveQueue, QueueLimits } from '#subgraphs/events/live/live-queue';
import { MemoryShare } from '#subgraphs/events/live/memory-share';
import { placeAt } from '#subgraphs/events/live/position-at';

export interface LiveLimits {
  readonly queue: QueueLimits;
  /** Bytes of records that all queues of the process hold. */
  readonly bytes: number;
}

export interface LiveParts {
  readonly journal: Pick<Journal, 'read' | 'head'>;
  readonly pubsub: Pick<PubSub, 'subscribe'>;
  readonly eventIds: EventIds;
  /** Hears why the journal could not be read; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds after which the feed looks by itself: doorbells may be lost. */
  readonly lookMs?: number | undefined;
  readonly limits?: LiveLimits | undefined;
}

/** What a subscriber wants to be told. Nobody has checked it. */
export interface Wish {
  /** An EventFilterInput. */
  readonly filter?: unknown;
  /** The id of an event: all that was recorded behind it. */
  readonly after?: string | null | undefined;
  /** All that was recorded since, milliseconds since 1970. */
  readonly since?: number | undefined;
}

export const LIVE_LIMITS: LiveLimits = {
  queue: { events: 4_000, bytes: 8 * 2 ** 20 },
  bytes: 128 * 2 ** 20,
};

/** Subscribers that read the past at the same time; the others wait, slice by slice, in turn by account. */
const BACKFILLS = 4;
/** Positions of a slice of the past, and how many of these bytes it should have. */
const SLICE = { first: 64, least: 16, most: 1_024, bytes: 2 ** 20 };

/** Events as they are recorded, for the subscribers of this process. */
export class LiveEvents {
  readonly #parts: LiveParts;
  readonly #limits: LiveLimits;
  readonly #feed: LiveFeed<LiveEvent, EventFilter>;
  readonly #memory: MemoryShare;
  readonly #turns = turnsAtPast(BACKFILLS);

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#limits = parts.limits ?? LIVE_LIMITS;
    this.#feed = new LiveFeed({ ...parts, source: sourceOf(parts), audience: () => new Subscribers() });
    this.#memory = new MemoryShare(this.#limits.bytes);
  }

  /** Bytes of records that wait in all queues. */
  get bytesHeld(): number {
    return this.#memory.held;
  }

  /**
   * First the past that the wish asks for, then what is recorded, in the order of the journal, each event once.
   * Only of the key's accounts. Ends when the signal is aborted. INVALID_FILTER, INVALID_CURSOR, CURSOR_EXPIRED at
   * once; SLOW_CONSUMER, with the cursor to go on from, when the subscriber does not keep up.
   */
  async follow(
    principal: Principal,
    wish: Wish,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<LiveEvent, void, void>> {
    const { accounts } = principal;
    const asked = checkFilter(wish.filter);
    const filter = accounts === 'ALL' ? asked : within(asked, accounts);
    const start = await this.#startOf(wish);
    // A cursor of a lost epoch is refused before anything is sent.
    const { next, behind } = await this.#parts.journal.read(start, 1);
    const past = new JournalPast(this.#parts, this.#turns, { filter, start, share: shareOf(principal) });
    past.behind = next.position - start.position + behind;
    return this.#run(filter, past, signal);
  }

  close(): Promise<void> {
    return this.#feed.close();
  }

  async #startOf({ after, since }: Wish): Promise<Place> {
    const { journal, eventIds } = this.#parts;
    if (after !== undefined && after !== null && since !== undefined) {
      throw new CairnError('INVALID_ARGUMENT', 'Say after or since, not both.', { path: 'since' });
    }
    if (since !== undefined) return placeAt(journal, since);
    if (after === undefined || after === null) return journal.head();
    const known = eventIds.decode(after)?.place;
    if (known === undefined) {
      throw new CairnError('INVALID_CURSOR', 'This is no cursor of this installation.', { path: 'after' });
    }
    return { epoch: known.epoch, position: known.position + 1 };
  }

  async *#run(
    filter: EventFilter,
    past: JournalPast,
    signal: AbortSignal,
  ): AsyncGenerator<LiveEvent, void, void> {
    let cursor = cursorBefore(this.#parts, past.next);
    const follower = {
      feed: this.#feed,
      wish: filter,
      past,
      limits: this.#limits.queue,
      memory: this.#memory,
      overrun: () => slow(cursor),
    };
    for await (const event of followFeed(follower, signal)) {
      cursor = event.cursor;
      yield event;
    }
  }
}

/** Reads the journal for one subscriber, in slices of about a megabyte. */
class JournalPast implements Past<LiveEvent> {
  next: Place;
  /** Positions to the head, when last seen. */
  behind = 0;
  readonly #parts: LiveParts;
  readonly #turns: FairTurns;
  readonly #share: Share;
  readonly #fits: ReturnType<typeof compileFilter>;
  #limit = SLICE.first;

  constructor(
    parts: LiveParts,
    turns: FairTurns,
    of: { readonly filter: EventFilter; readonly start: Place; readonly share: Share },
  ) {
    this.#parts = parts;
    this.#turns = turns;
    this.#fits = compileFilter(simplify(of.filter));
    this.next = of.start;
    this.#share = of.share;
  }

  /** The events of the next slice that fit; of positions before `end` only. */
  read(end = Infinity): Promise<readonly LiveEvent[]> {
    return this.#turns.take(this.#share, async () => {
      const { journal, eventIds } = this.#parts;
      const limit = Math.min(this.#limit, end - this.next.position);
      const slice = await journal.read(this.next, limit);
      this.behind = slice.behind;
      this.#adapt(slice);
      this.next = slice.next;
      const events = slice.events.map((event) => new LiveEvent(event, eventIds));
      return events.filter(({ subject }) => this.#fits(subject));
    });
  }

  #adapt({
    events,
    next,
  }: {
    readonly events: readonly { readonly raw: Buffer }[];
    readonly next: Place;
  }): void {
    const bytes = events.reduce((sum, { raw }) => sum + raw.length, 0);
    const passed = Math.max(1, next.position - this.next.position);
    const fitting = bytes === 0 ? SLICE.most : Math.floor((SLICE.bytes * passed) / bytes);
    this.#limit = Math.min(SLICE.most, Math.max(SLICE.least, fitting));
  }
}

function sourceOf({ journal, eventIds }: LiveParts): LiveSource<LiveEvent> {
  function* made(events: readonly JournalEvent[]): Generator<LiveEvent> {
    for (const event of events) yield new LiveEvent(event, eventIds);
  }
  return {
    channel: JOURNAL_CHANNEL,
    head: () => journal.head(),
    read: async (from, limit) => {
      const { events, next, behind } = await journal.read(from, limit);
      return { items: made(events), next, behind };
    },
  };
}

/** Found by the terms of their filters. */
class Subscribers implements Audience<LiveEvent, EventFilter> {
  readonly #index = new FilterIndex<LiveQueue<LiveEvent>>();

  add(filter: EventFilter, queue: LiveQueue<LiveEvent>): () => void {
    return this.#index.add(filter, queue);
  }

  matching({ subject }: LiveEvent): LiveQueue<LiveEvent>[] {
    return this.#index.matching(subject);
  }
}

function within(filter: EventFilter, accounts: readonly string[]): EventFilter {
  return { kind: 'and', filters: [filter, { kind: 'in', field: 'account', values: accounts }] };
}

/** A cursor for a place before which no event was shown; null at the very beginning. */
function cursorBefore({ eventIds }: LiveParts, { epoch, position }: Place): string | null {
  return position === 0 ? null : eventIds.encode({ epoch, position: position - 1 }, 0);
}

function slow(cursor: string | null): CairnError {
  return new CairnError(
    'SLOW_CONSUMER',
    'Events came faster than they were taken. Subscribe again with `after` set to extensions.cursor.',
    { cursor },
  );
}
