/** What was seen, for as long as it could be shown again, and no more of it than so many. */
export class Nonces {
  readonly #capacity: number;
  /** When each may be forgotten; about in that order, because requests come about in the order of their making. */
  readonly #until = new Map<string, number>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Times in milliseconds since 1970. `overrun`: there is no room to remember it, so it cannot be believed. */
  take(
    nonce: string,
    { until, now }: { readonly until: number; readonly now: number },
  ): 'new' | 'replayed' | 'overrun' {
    if (this.#until.has(nonce)) return 'replayed';
    for (const [oldest, end] of this.#until) {
      if (end >= now) break;
      this.#until.delete(oldest);
    }
    if (this.#until.size >= this.#capacity) return 'overrun';
    this.#until.set(nonce, until);
    return 'new';
  }
}
