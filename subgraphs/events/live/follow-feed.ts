import { CairnError } from '#domain/errors';
import type { Place } from '#journal/types';
import { FairTurns } from '#platform/fair/fair-turns';
import type { LiveFeed } from '#subgraphs/events/live/live-feed';
import { type LiveItem, LiveQueue, type QueueLimits } from '#subgraphs/events/live/live-queue';
import type { MemoryShare } from '#subgraphs/events/live/memory-share';

/** Reads for one subscriber what was before, slice by slice. */
export interface Past<Item> {
  /** Where it reads on. */
  readonly next: Place;
  /** Positions to the end, when last seen. */
  readonly behind: number;
  /** The items of the next slice that the subscriber wants; of positions before `end` only. */
  read(end?: number): Promise<readonly Item[]>;
}

/** So many subscribers read a slice of the past at the same time; the others wait, in turn by account. */
export function turnsAtPast(limit: number): FairTurns {
  return new FairTurns({
    limit,
    // Each subscriber has one, and there are caps on those.
    waiting: Infinity,
    full: () => new CairnError('TOO_MANY_REQUESTS', 'Too many subscribers read the past.'),
  });
}

export interface Follower<Item extends LiveItem, Wish> {
  readonly feed: LiveFeed<Item, Wish>;
  /** What the feed is joined with. */
  readonly wish: Wish;
  readonly past: Past<Item>;
  readonly limits: QueueLimits;
  /** Of all queues together. */
  readonly memory: MemoryShare;
  /** Why it ends when the subscriber does not keep up. */
  readonly overrun: () => Error;
}

/** So near to the end a subscriber joins the feed: what it has yet to read then is soon read. */
const NEAR = 1_000;

/** First the past, then the feed, without gap or repeat, until the signal is aborted. */
export async function* followFeed<Item extends LiveItem, Wish>(
  { feed, wish, past, limits, memory, overrun }: Follower<Item, Wish>,
  signal: AbortSignal,
): AsyncGenerator<Item, void, void> {
  while (past.behind > NEAR && !signal.aborted) yield* await past.read();
  const queue = new LiveQueue<Item>({ limits, memory, from: past.next.position });
  const { position, leave } = await feed.join(wish, queue);
  // Once, and not at every wait: there are as many as items.
  const wake = (): void => queue.wake();
  signal.addEventListener('abort', wake, { once: true });
  try {
    while (past.next.position < position && !signal.aborted) yield* await past.read(position);
    for (;;) {
      const item = await queue.take(signal);
      if (item === undefined) return;
      if (item === 'overrun') throw overrun();
      if (item instanceof Error) throw item;
      yield item;
    }
  } finally {
    signal.removeEventListener('abort', wake);
    leave();
    queue.close();
  }
}
