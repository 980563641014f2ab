import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';

type Authenticate = (authorization: string | undefined) => Promise<Principal | null>;

const MINUTE_MS = 60_000;

/** Counts the requests of each key in whole minutes and refuses those over the limit; 0 sets none. */
export function limitRate(authenticate: Authenticate, perMinute: number, now = Date.now): Authenticate {
  if (perMinute === 0) return authenticate;
  let minute = 0;
  let counts = new Map<string, number>();
  return async (authorization) => {
    const principal = await authenticate(authorization);
    if (principal === null) return null;
    const time = now();
    if (Math.floor(time / MINUTE_MS) !== minute) {
      minute = Math.floor(time / MINUTE_MS);
      counts = new Map();
    }
    const count = (counts.get(principal.keyId) ?? 0) + 1;
    counts.set(principal.keyId, count);
    if (count <= perMinute) return principal;
    throw new CairnError('TOO_MANY_REQUESTS', `A key may send ${perMinute} requests a minute.`, {
      retryAfter: Math.ceil(((minute + 1) * MINUTE_MS - time) / 1_000),
    });
  };
}
