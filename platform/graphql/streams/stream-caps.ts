import { GraphQLError } from 'graphql';

export interface StreamLimits {
  /** Streams of one key in this process. */
  readonly perKey: number;
  /** Streams over one WebSocket. */
  readonly perConnection: number;
  /** Streams of this process, and as many WebSockets. */
  readonly total: number;
}

/** Counts the open streams of a process, whichever door they came through. */
export class StreamCaps {
  readonly limits: StreamLimits;
  readonly #byKey = new Map<string, number>();
  #total = 0;

  constructor(limits: StreamLimits) {
    this.limits = limits;
  }

  get open(): number {
    return this.#total;
  }

  /** The returned function gives the place back. TOO_MANY_REQUESTS when there is none. */
  take(keyId: string): () => void {
    const ofKey = this.#byKey.get(keyId) ?? 0;
    if (ofKey >= this.limits.perKey) throw tooMany(`A key may have ${this.limits.perKey} streams here.`);
    if (this.#total >= this.limits.total) throw tooMany('This process has as many streams as it takes.');
    this.#total += 1;
    this.#byKey.set(keyId, ofKey + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#total -= 1;
      const left = (this.#byKey.get(keyId) ?? 1) - 1;
      if (left === 0) this.#byKey.delete(keyId);
      else this.#byKey.set(keyId, left);
    };
  }
}

export function tooMany(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'TOO_MANY_REQUESTS', retryAfter: 10 } });
}
