export interface BucketSize {
  /** What flows in within a minute. */
  readonly perMinute: number;
  /** What a bucket holds when it is full; what a minute brings unless told. */
  readonly capacity?: number | undefined;
  /** Buckets that are kept; beyond it the one that was used longest ago is forgotten, which is to say full. */
  readonly maxKeys?: number | undefined;
  /** Milliseconds. */
  readonly now?: (() => number) | undefined;
}

interface Bucket {
  level: number;
  /** When `level` was right. */
  at: number;
}

const MINUTE_MS = 60_000;
/** A few MB; whoever has a bucket has an API key. */
const MAX_KEYS = 10_000;

/**
 * A token bucket for each key. What something takes is known when it begins or only in its course, so a bucket that
 * is not empty gives whatever is asked and may owe some of it; while it owes, nothing is given. Over any time a key
 * gets what flowed in, one bucket full and one piece of work.
 */
export class TokenBuckets {
  readonly perMinute: number;
  readonly #capacity: number;
  readonly #maxKeys: number;
  readonly #now: () => number;
  /** The one that was used longest ago first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor({
    perMinute,
    capacity = perMinute,
    maxKeys = MAX_KEYS,
    now = () => performance.now(),
  }: BucketSize) {
    this.perMinute = perMinute;
    this.#capacity = capacity;
    this.#maxKeys = maxKeys;
    this.#now = now;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** 0 when it was given; else nothing was, and this many seconds (1 or more) are to wait. */
  take(key: string, amount: number): number {
    const bucket = this.#filled(key);
    if (bucket.level <= 0) {
      const missing = (1 - bucket.level) / this.perMinute;
      return Math.max(1, Math.ceil((missing * MINUTE_MS) / 1_000));
    }
    bucket.level -= amount;
    return 0;
  }

  #filled(key: string): Bucket {
    const at = this.#now();
    const known = this.#buckets.get(key);
    this.#buckets.delete(key);
    const flown = known === undefined ? 0 : ((at - known.at) * this.perMinute) / MINUTE_MS;
    const level = known === undefined ? this.#capacity : Math.min(this.#capacity, known.level + flown);
    const bucket = { level, at };
    this.#buckets.set(key, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > this.#maxKeys && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }
}
