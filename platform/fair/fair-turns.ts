import { FairQueue } from '#platform/fair/fair-queue';
import type { Share } from '#platform/fair/share';

export interface FairTurnsOptions {
  /** Pieces of work at a time, of all. */
  readonly limit: number;
  /** Of one group, while nobody else wants any; by default all. */
  readonly perGroup?: number;
  /** Of one group, while others have worked within `CONTENDED_MS`; by default the same. */
  readonly perGroupContended?: number;
  /** Pieces that one member may have waiting. */
  readonly waiting: number;
  /** What is thrown beyond it. */
  readonly full: () => Error;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** So long after a group's last piece the others reckon with its next one. */
const CONTENDED_MS = 5_000;

/** Does work so many pieces at a time; what waits is taken in turn by whose it is, not in the order in which it came. */
export class FairTurns {
  readonly #options: Required<FairTurnsOptions>;
  readonly #queue = new FairQueue<() => void>();
  readonly #running = new Map<string, number>();
  /** When each group last began a piece; the oldest first. */
  readonly #seen = new Map<string, number>();
  #total = 0;

  constructor(options: FairTurnsOptions) {
    const perGroup = options.perGroup ?? options.limit;
    const perGroupContended = options.perGroupContended ?? perGroup;
    this.#options = { now: () => performance.now(), ...options, perGroup, perGroupContended };
  }

  get running(): number {
    return this.#total;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** An aborted signal takes back what has not begun. */
  async take<T>(share: Share, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#queue.waiting(share) >= this.#options.waiting) throw this.#options.full();
    this.#see(share.group);
    await new Promise<void>((resolve) => {
      this.#queue.push(share, () => {
        this.#queue.charge(share, 1);
        this.#count(share.group, 1);
        resolve();
      });
      this.#serve();
    });
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      this.#see(share.group);
      this.#count(share.group, -1);
      this.#serve();
    }
  }

  /** Whether others than this group have worked lately. */
  isContended(group: string): boolean {
    const since = this.#options.now() - CONTENDED_MS;
    for (const [name, at] of this.#seen) if (name !== group && at >= since) return true;
    return false;
  }

  #serve(): void {
    const { limit, perGroup, perGroupContended } = this.#options;
    while (this.#total < limit && this.#queue.size > 0) {
      const start = this.#queue.shift((group) => {
        const most = this.isContended(group) ? perGroupContended : perGroup;
        return (this.#running.get(group) ?? 0) < most;
      });
      if (start === undefined) return;
      start();
    }
  }

  #count(group: string, change: number): void {
    this.#total += change;
    const running = (this.#running.get(group) ?? 0) + change;
    if (running === 0) this.#running.delete(group);
    else this.#running.set(group, running);
  }

  #see(group: string): void {
    const now = this.#options.now();
    this.#seen.delete(group);
    this.#seen.set(group, now);
    for (const [name, at] of this.#seen) {
      if (at >= now - CONTENDED_MS) return;
      this.#seen.delete(name);
    }
  }
}
