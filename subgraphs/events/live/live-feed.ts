import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '#domain/errors';
import type { EventFilter } from '#domain/filter/filter';
import { FilterIndex } from '#domain/filter/filter-index';
import { JOURNAL_CHANNEL } from '#journal/append/doorbell';
import type { EventIds } from '#journal/event-id';
import type { Journal, JournalSlice, Place } from '#journal/types';
import type { PubSub } from '#platform/pubsub/pubsub';
import { LiveEvent } from '#subgraphs/events/live/live-event';
import type { LiveQueue } from '#subgraphs/events/live/live-queue';

export interface FeedParts {
  readonly journal: Pick<Journal, 'read' | 'head'>;
  readonly pubsub: Pick<PubSub, 'subscribe'>;
  readonly eventIds: EventIds;
  /** Hears why the journal could not be read; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds after which the feed looks by itself: doorbells may be lost. */
  readonly lookMs?: number;
}

/** Where the feed of a subscriber begins, and how it is left. */
export interface Joined {
  /** All from this position on comes through the queue. */
  readonly position: number;
  readonly leave: () => void;
}

const LOOK_MS = 1_000;
const SLICE = 512;
/** What one event, and a kilobyte of it, may hold the feed up for subscribers who have much waiting. */
const PATIENCE_MS = { event: 0.1, kilobyte: 0.1 };

/**
 * The one reader of the journal for all subscribers of a process. Runs while there are any, from the head that
 * it finds when the first one comes.
 */
export class LiveFeed {
  readonly #parts: FeedParts;
  #running: Running | undefined;

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /** The queue is offered all events from the returned position on that fit the filter. */
  async join(filter: EventFilter, queue: LiveQueue): Promise<Joined> {
    for (;;) {
      const running = (this.#running ??= this.#start());
      await running.ready;
      // It may have ended while it was waited for.
      if (running !== this.#running) continue;
      const remove = running.index.add(filter, queue);
      running.queues.add(queue);
      const leave = (): void => {
        remove();
        running.queues.delete(queue);
        if (running.queues.size === 0) this.#end(running);
      };
      return { position: running.place.position, leave };
    }
  }

  async close(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#end(running);
    await running.ended;
  }

  #start(): Running {
    const running = new Running();
    running.ready = this.#open(running);
    running.ended = running.ready.then(
      () => this.#run(running),
      () => this.#end(running),
    );
    return running;
  }

  #end(running: Running): void {
    if (this.#running === running) this.#running = undefined;
    running.stop.abort();
    running.ring();
  }

  async #open(running: Running): Promise<void> {
    // Heard before the head is read: what is recorded in between rings.
    running.unlisten = await this.#parts.pubsub.subscribe(JOURNAL_CHANNEL, () => running.ring());
    try {
      running.place = await this.#parts.journal.head();
    } catch (error) {
      await running.unlisten();
      throw error;
    }
  }

  async #run(running: Running): Promise<void> {
    const { onError, lookMs = LOOK_MS } = this.#parts;
    while (!running.stop.signal.aborted) {
      let behind = 0;
      try {
        const slice = await this.#parts.journal.read(running.place, SLICE);
        await this.#handOut(running, slice);
        running.place = slice.next;
        behind = slice.behind;
      } catch (error) {
        onError(error);
        if (error instanceof CairnError && error.code === 'CURSOR_EXPIRED') this.#abandon(running, error);
      }
      if (behind === 0) await running.rung(lookMs);
      else await turn();
    }
    await running.unlisten?.().catch(onError);
  }

  /** The log was restored and ends before: nobody can be told what comes next. */
  #abandon(running: Running, error: Error): void {
    for (const queue of running.queues) queue.fail(error);
    this.#end(running);
  }

  async #handOut(running: Running, { events }: JournalSlice): Promise<void> {
    let patience = 0;
    for (const event of events) {
      const live = new LiveEvent(event, this.#parts.eventIds);
      running.place = { epoch: event.place.epoch, position: event.place.position + 1 };
      patience += PATIENCE_MS.event + (PATIENCE_MS.kilobyte * live.bytes) / 1_024;
      for (const queue of running.index.matching(live.subject)) {
        queue.offer(live);
        while (queue.isHalfFull && patience > 1) {
          patience -= await timed(() => delay(1));
        }
      }
    }
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** One run of the feed, from the first subscriber to the last. */
class Running {
  readonly stop = new AbortController();
  readonly queues = new Set<LiveQueue>();
  readonly index = new FilterIndex<LiveQueue>();
  place: Place = { epoch: 0, position: 0 };
  ready: Promise<void> = Promise.resolve();
  ended: Promise<void> = Promise.resolve();
  unlisten: (() => Promise<void>) | undefined;
  #isRung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Until the bell rings, for so many milliseconds at most. */
  async rung(ms: number): Promise<void> {
    if (!this.#isRung && !this.stop.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = (): void => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#isRung = false;
  }
}
