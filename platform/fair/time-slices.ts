import { FairQueue } from '#platform/fair/fair-queue';
import type { Share } from '#platform/fair/share';

/** Work goes on without a break for so long; what must answer quickly waits for one such slice at a time. */
const SLICE_MS = 1;

/**
 * The one thread of a process, shared: whoever has much to compute asks for a slice before each small part of it.
 * Between two slices the process hears its sockets, and the next one goes to who has had least.
 */
export class TimeSlices {
  readonly #queue = new FairQueue<() => void>();
  /** Whose slice it is, and since when. */
  #current: { readonly share: Share; readonly since: number } | undefined;
  #isTurning = false;

  /** Resolves when the caller may work for a moment. */
  async next(share: Share): Promise<void> {
    const current = this.#current;
    const isOwn = current?.share.group === share.group && current.share.member === share.member;
    if (isOwn && performance.now() - current.since < SLICE_MS) return;
    await new Promise<void>((resolve) => {
      this.#queue.push(share, () => {
        this.#current = { share, since: performance.now() };
        resolve();
      });
      this.#schedule();
    });
  }

  #turn(): void {
    this.#isTurning = false;
    this.#settle();
    this.#queue.shift()?.();
    // Once more even when nobody waits: what a slice took is known when it is over.
    if (this.#queue.size > 0 || this.#current !== undefined) this.#schedule();
  }

  #schedule(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setImmediate(() => this.#turn());
  }

  #settle(): void {
    if (this.#current === undefined) return;
    const { share, since } = this.#current;
    this.#queue.charge(share, performance.now() - since);
    this.#current = undefined;
  }
}
