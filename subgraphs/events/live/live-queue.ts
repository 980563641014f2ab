import type { MemoryShare } from '#subgraphs/events/live/memory-share';
import type { Place } from '#journal/types';

/** What waits: something that the journal has at this place. */
export interface LiveItem {
  readonly place: Place;
  /** That it holds. */
  readonly bytes: number;
}

export interface QueueLimits {
  /** Events that wait for one subscriber. */
  readonly events: number;
  /** Bytes of their records. */
  readonly bytes: number;
}

export interface QueueParts {
  readonly limits: QueueLimits;
  /** Of all queues together. */
  readonly memory: MemoryShare;
  /** The first position that the subscriber has not seen. */
  readonly from: number;
}

/** What waits for one subscriber. When it holds too much it lets all of it go and says so. */
export class LiveQueue<Item extends LiveItem> {
  readonly #parts: QueueParts;
  #events: Item[] = [];
  #taken = 0;
  #bytes = 0;
  #failure: Error | 'overrun' | undefined;
  #wake: (() => void) | undefined;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** So much waits that the feed had better wait a moment, for those who take. */
  get isHalfFull(): boolean {
    const { limits } = this.#parts;
    return this.#waiting * 2 > limits.events || this.#bytes * 2 > limits.bytes;
  }

  offer(event: Item): void {
    if (this.#failure !== undefined || event.place.position < this.#parts.from) return;
    const { limits, memory } = this.#parts;
    // A single event may be larger than the limit; whoever has nothing else waiting gets it.
    const isOver =
      this.#waiting > 0 && (this.#waiting >= limits.events || this.#bytes + event.bytes > limits.bytes);
    if (isOver || !memory.take(event.bytes)) return this.fail('overrun');
    this.#events.push(event);
    this.#bytes += event.bytes;
    this.#wake?.();
  }

  /** What waits is dropped; the next `take` tells. */
  fail(failure: Error | 'overrun'): void {
    this.#failure ??= failure;
    this.#parts.memory.give(this.#bytes);
    this.#events = [];
    this.#taken = 0;
    this.#bytes = 0;
    this.#wake?.();
  }

  /** Whoever waits looks again: the signal was aborted. */
  wake(): void {
    this.#wake?.();
  }

  /** The next event, when there is one; undefined once the signal is aborted and `wake` was called. */
  async take(signal: AbortSignal): Promise<Item | Error | 'overrun' | undefined> {
    while (!signal.aborted) {
      const event = this.#shift();
      if (event !== undefined) return event;
      if (this.#failure !== undefined) return this.#failure;
      await this.#changed();
    }
    return undefined;
  }

  close(): void {
    this.fail(new Error('The queue was closed.'));
  }

  get #waiting(): number {
    return this.#events.length - this.#taken;
  }

  #shift(): Item | undefined {
    const event = this.#events[this.#taken];
    if (event === undefined) return undefined;
    this.#taken += 1;
    this.#bytes -= event.bytes;
    this.#parts.memory.give(event.bytes);
    if (this.#taken * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#taken);
      this.#taken = 0;
    }
    return event;
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = (): void => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
