import type { ErasedScope, Erasure, ErasureStore } from '#journal/store/erasure-store';
import type { PubSub } from '#platform/pubsub/pubsub';

/** The channel on which erasures are announced; the message is the erasure's number. */
export const ERASURE_CHANNEL = 'erasure';

/** A process may serve from its caches for this long after an erasure. */
const FRESH_MS = 1000;

export function inScope(scope: ErasedScope, account: number, month: number): boolean {
  return account === scope.account && (scope.before === 0 || month < scope.before);
}

/**
 * What this process knows of erasures. Caches of keys and clear text ask `fresh()` before they answer, and drop
 * a scope when told. What is loaded while `known` changes must not be kept: it may be of before the erasure.
 */
export class Erasures {
  readonly #store: ErasureStore;
  readonly #listeners: ((erasure: Erasure) => void)[] = [];
  readonly #now: () => number;
  #known = 0;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  constructor(store: ErasureStore, now: () => number = () => performance.now()) {
    this.#store = store;
    this.#now = now;
  }

  /** The number of the newest erasure that the caches have heard of. */
  get known(): number {
    return this.#known;
  }

  onErasure(listener: (erasure: Erasure) => void): void {
    this.#listeners.push(listener);
  }

  /** Resolves when the caches are at most a second behind; at once when they are. */
  async fresh(): Promise<void> {
    if (this.#now() - this.#checkedAt >= FRESH_MS) await this.refresh();
  }

  /** A statement has seen the head's counter: refreshes when it is news. */
  async observe(erasures: number): Promise<void> {
    if (erasures > this.#known) await this.refresh();
  }

  async refresh(): Promise<void> {
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #read(): Promise<void> {
    for (;;) {
      const asked = this.#now();
      const news = await this.#store.since(this.#known);
      for (const erasure of news) {
        this.#known = erasure.number;
        for (const listener of this.#listeners) listener(erasure);
      }
      this.#checkedAt = asked;
      if (news.length === 0) return;
    }
  }

  /** Hears of other processes' erasures at once. The returned function ends it. */
  async listen(pubsub: PubSub, onError: (error: unknown) => void): Promise<() => Promise<void>> {
    return pubsub.subscribe(ERASURE_CHANNEL, () => {
      this.refresh().catch(onError);
    });
  }
}
