import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '#domain/errors';
import type { Place } from '#journal/types';
import type { PubSub } from '#platform/pubsub/pubsub';
import type { LiveItem, LiveQueue } from '#subgraphs/events/live/live-queue';

/** Items in the order of the journal. */
export interface LiveSlice<Item> {
  /** Made as they are taken: each costs something. */
  readonly items: Iterable<Item>;
  /** Where to read on. */
  readonly next: Place;
  /** Positions between `next` and the end when the slice was read. */
  readonly behind: number;
}

/** What is followed. A place that was passed stays as it is. */
export interface LiveSource<Item> {
  /** The channel that is rung when there is more to read. */
  readonly channel: string;
  head(): Promise<Place>;
  read(from: Place, limit: number): Promise<LiveSlice<Item>>;
}

/** Who is told what. */
export interface Audience<Item extends LiveItem, Wish> {
  /** The returned function takes the queue out again. */
  add(wish: Wish, queue: LiveQueue<Item>): () => void;
  matching(item: Item): Iterable<LiveQueue<Item>>;
}

export interface FeedParts<Item extends LiveItem, Wish> {
  readonly source: LiveSource<Item>;
  /** Makes an empty one. */
  readonly audience: () => Audience<Item, Wish>;
  readonly pubsub: Pick<PubSub, 'subscribe'>;
  /** Hears why the source could not be read; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds after which the feed looks by itself: doorbells may be lost. */
  readonly lookMs?: number | undefined;
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
 * The one reader of the source for all subscribers of a process. Runs while there are any, from the head that
 * it finds when the first one comes.
 */
export class LiveFeed<Item extends LiveItem, Wish> {
  readonly #parts: FeedParts<Item, Wish>;
  #running: Running<Item, Wish> | undefined;

  constructor(parts: FeedParts<Item, Wish>) {
    this.#parts = parts;
  }

  /** The queue is offered all items from the returned position on that fit the wish. */
  async join(wish: Wish, queue: LiveQueue<Item>): Promise<Joined> {
    for (;;) {
      const running = (this.#running ??= this.#start());
      await running.ready;
      // It may have ended while it was waited for.
      if (running !== this.#running) continue;
      const remove = running.audience.add(wish, queue);
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

  #start(): Running<Item, Wish> {
    const running = new Running(this.#parts.audience());
    running.ready = this.#open(running);
    running.ended = running.ready.then(
      () => this.#run(running),
      () => this.#end(running),
    );
    return running;
  }

  #end(running: Running<Item, Wish>): void {
    if (this.#running === running) this.#running = undefined;
    running.stop.abort();
    running.ring();
  }

  async #open(running: Running<Item, Wish>): Promise<void> {
    // Heard before the head is read: what is recorded in between rings.
    running.unlisten = await this.#parts.pubsub.subscribe(this.#parts.source.channel, () => running.ring());
    try {
      running.place = await this.#parts.source.head();
    } catch (error) {
      await running.unlisten();
      throw error;
    }
  }

  async #run(running: Running<Item, Wish>): Promise<void> {
    const { onError, lookMs = LOOK_MS } = this.#parts;
    while (!running.stop.signal.aborted) {
      let behind = 0;
      try {
        const slice = await this.#parts.source.read(running.place, SLICE);
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
  #abandon(running: Running<Item, Wish>, error: Error): void {
    for (const queue of running.queues) queue.fail(error);
    this.#end(running);
  }

  async #handOut(running: Running<Item, Wish>, { items }: LiveSlice<Item>): Promise<void> {
    let patience = 0;
    for (const item of items) {
      const { place, bytes } = item;
      running.place = { epoch: place.epoch, position: place.position + 1 };
      patience += PATIENCE_MS.event + (PATIENCE_MS.kilobyte * bytes) / 1_024;
      for (const queue of running.audience.matching(item)) {
        queue.offer(item);
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
class Running<Item extends LiveItem, Wish> {
  readonly stop = new AbortController();
  readonly queues = new Set<LiveQueue<Item>>();
  readonly audience: Audience<Item, Wish>;
  place: Place = { epoch: 0, position: 0 };
  ready: Promise<void> = Promise.resolve();
  ended: Promise<void> = Promise.resolve();
  unlisten: (() => Promise<void>) | undefined;
  #isRung = false;
  #wake: (() => void) | undefined;

  constructor(audience: Audience<Item, Wish>) {
    this.audience = audience;
  }

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
