import type { ErasureScope, Journal, JournalEvent, JournalSlice, Place } from '#journal/types';

/** What a test's journal is made from; place, source and receipt are given by it. */
export interface TestEvent {
  readonly account: string;
  readonly eventId: string;
  /** Milliseconds since 1970, UTC. */
  readonly eventTime: number;
  readonly record: unknown;
}

/** A journal in an array, for what reads journals: events can be added and erased, nothing is checked. */
export class ArrayJournal implements Pick<Journal, 'read' | 'head'> {
  epoch = 0;
  /** Milliseconds since 1970 at which further events are received. */
  now = Date.UTC(2026, 0, 1);
  readonly #events: (JournalEvent | undefined)[] = [];
  readonly #firstPosition: number;

  constructor(firstPosition = 0) {
    this.#firstPosition = firstPosition;
  }

  add(...events: readonly TestEvent[]): void {
    for (const { account, eventId, eventTime, record } of events) {
      const place = { epoch: this.epoch, position: this.#firstPosition + this.#events.length };
      const raw = Buffer.from(JSON.stringify(record));
      const receivedAt = this.now;
      this.#events.push({ place, receivedAt, account, source: 'key:test', eventId, eventTime, raw });
    }
  }

  erase({ account, before }: ErasureScope): void {
    for (const [index, event] of this.#events.entries()) {
      const hit = event?.account === account && (before === undefined || event.eventTime < before);
      if (hit) this.#events[index] = undefined;
    }
  }

  all(): JournalEvent[] {
    return this.#events.filter((event) => event !== undefined);
  }

  async head(): Promise<Place> {
    return { epoch: this.epoch, position: this.#firstPosition + this.#events.length };
  }

  async read(from: Place, limit: number): Promise<JournalSlice> {
    const start = Math.max(0, from.position - this.#firstPosition);
    const end = Math.min(start + limit, this.#events.length);
    return {
      events: this.#events.slice(start, end).filter((event) => event !== undefined),
      next: { epoch: this.epoch, position: this.#firstPosition + end },
      behind: this.#events.length - end,
    };
  }
}
