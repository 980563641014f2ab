import { FairQueue } from '#platform/fair/fair-queue';
import type { Share } from '#platform/fair/share';

/** Work goes on without a break for so long; what must answer quickly waits for one such slice at a time. */
const SLICE_MS = 1;
/**
 * Some work cannot be cut: when a slice took so long, what came meanwhile needs more than one turn of the loop, on
 * its way through sockets and disks, before the next slice.
 */
const LONG_MS = 10;
const REST_MS = 1;

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
    if (this.#settle() > LONG_MS) {
      setTimeout(() => this.#turn(), REST_MS);
      return;
    }
    this.#isTurning = false;
    this.#queue.shift()?.();
    // Once more even when nobody waits: what a slice took is known when it is over.
    if (this.#queue.size > 0 || this.#current !== undefined) this.#schedule();
  }

  #schedule(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setImmediate(() => this.#turn());
  }

  /** Milliseconds that the last slice took. */
  #settle(): number {
    if (this.#current === undefined) return 0;
    const { share, since } = this.#current;
    const took = performance.now() - since;
    this.#queue.charge(share, took);
    this.#current = undefined;
    return took;
  }
}
