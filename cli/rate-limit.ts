import { Counter, type Registry } from 'prom-client';
import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import { type BucketSize, TokenBuckets } from '#platform/rate/token-buckets';

/** Takes from what a key may use in a minute. TOO_MANY_REQUESTS when it has used it up. */
export type Charge = (principal: Pick<Principal, 'keyId'>, amount: number) => void;

export interface RateLimits {
  /** A request costs REQUEST_COST, and each of its operations what `operationCost` estimates. */
  readonly queryCostPerMinute: number;
  /** Bytes of events, decompressed. */
  readonly recordBytesPerMinute: number;
}

/** What the keys of a process have used, whichever door they came through. */
export interface RateLimiter {
  readonly queryCost: Charge;
  readonly recordBytes: Charge;
}

/** A request that asks for nothing takes about a millisecond, an object a twentieth of one. */
export const REQUEST_COST = 20;

/** 0 sets no limit. */
export function createRateLimiter(limits: RateLimits, metrics: Registry, now?: () => number): RateLimiter {
  const refused = refusals(metrics);
  return {
    queryCost: charge({ perMinute: limits.queryCostPerMinute, now }, (key, perMinute) => {
      refused('query_cost', key);
      return `A key may ask for a cost of ${perMinute} a minute: ${REQUEST_COST} for a request, 1 for each object.`;
    }),
    recordBytes: charge({ perMinute: limits.recordBytesPerMinute, now }, (key, perMinute) => {
      refused('record_bytes', key);
      return `A key may send ${perMinute} bytes of events a minute.`;
    }),
  };
}

/** The share of a minute that a key may use at once: a flood is slowed down within seconds. */
const AT_ONCE = 1 / 6;

function charge(
  size: Pick<BucketSize, 'perMinute' | 'now'>,
  refuse: (key: string, perMinute: number) => string,
): Charge {
  const { perMinute } = size;
  if (perMinute === 0) return () => undefined;
  const buckets = new TokenBuckets({ ...size, capacity: perMinute * AT_ONCE });
  return ({ keyId }, amount) => {
    const retryAfter = buckets.take(keyId, amount);
    if (retryAfter > 0) throw new CairnError('TOO_MANY_REQUESTS', refuse(keyId, perMinute), { retryAfter });
  };
}

/** Keys with figures of their own; others share one, so that the metrics stay short. */
const COUNTED_KEYS = 100;

function refusals(metrics: Registry): (limit: string, keyId: string) => void {
  const counter = new Counter({
    name: 'cairn_rate_limited_total',
    help: 'Requests that were refused because their key was over a limit of a minute; `key` is the id of the key.',
    labelNames: ['limit', 'key'],
    registers: [metrics],
  });
  const counted = new Set<string>();
  return (limit, keyId) => {
    if (counted.size < COUNTED_KEYS) counted.add(keyId);
    counter.inc({ limit, key: counted.has(keyId) ? keyId : 'others' });
  };
}
