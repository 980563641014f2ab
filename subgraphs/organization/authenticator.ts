import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import type { ErrorLog } from '#platform/graphql/present-error';
import { type KeyWatch, NO_WATCH } from '#subgraphs/organization/key-watch';
import { isSecret, keyOfHeader } from '#subgraphs/organization/key-text';
import type { ApiKey, OrganizationStore } from '#subgraphs/organization/store';

interface AuthenticatorParts {
  readonly store: Pick<OrganizationStore, 'key' | 'touchKey' | 'useFirst'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: ErrorLog;
  readonly watch?: KeyWatch | undefined;
}

interface CachedKey {
  readonly key: Promise<ApiKey | undefined>;
  readonly until: number;
}

/** A key that another process revoked works for this long at most. */
const CACHE_MS = 2_000;
/** Keys remembered at a time; the one read first goes first. */
const CACHE_SIZE = 10_000;
/** The last use of a key is written down this often at most. */
const TOUCH_MS = 60_000;
/** Compared with when there is no such key, so that the answer takes as long as for a wrong secret. */
const NO_HASH = Buffer.alloc(32);

/** Says who sent a request. */
export class Authenticator {
  readonly #parts: AuthenticatorParts;
  readonly #cache = new Map<string, CachedKey>();
  readonly #touched = new Map<string, number>();
  readonly #writes = new Set<Promise<void>>();

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts;
  }

  /** Null when the header names no live key. UNAVAILABLE when keys cannot be read. */
  async authenticate(authorization: string | undefined): Promise<Principal | null> {
    const presented = keyOfHeader(authorization);
    if (presented === undefined) return this.#refuse('no key was presented');
    const now = this.#parts.now();
    const key = await this.#read(presented.id, now);
    const isRight = isSecret(presented.secret, key?.secretHash ?? NO_HASH);
    if (key === undefined) return this.#refuse('there is no such key');
    if (!isRight) return this.#refuse('the secret was wrong', key);
    if (!isLive(key, now))
      return this.#refuse(key.revokedAt ? 'the key was revoked' : 'the key has expired', key);
    this.#touch(key, now);
    return principalOf(key);
  }

  /** The name of a key, which never changes; undefined for none. */
  async nameOf(keyId: string): Promise<string | undefined> {
    return (await this.#read(keyId, this.#parts.now()))?.name;
  }

  /** Whose key was authenticated before (a stream's, a ticket's); null when it is not good any more. */
  async liveKey(keyId: string): Promise<Principal | null> {
    const now = this.#parts.now();
    const key = await this.#read(keyId, now);
    return key === undefined || !isLive(key, now) ? null : principalOf(key);
  }

  /** For a key that this process has changed. */
  forget(keyId: string): void {
    this.#cache.delete(keyId);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await Promise.all(this.#writes);
  }

  get #watch(): KeyWatch {
    return this.#parts.watch ?? NO_WATCH;
  }

  async #read(id: string, now: number): Promise<ApiKey | undefined> {
    const cached = this.#cache.get(id);
    if (cached !== undefined && now < cached.until) return cached.key;
    // Whoever asks meanwhile is given the same answer, and the same refusal.
    const key = this.#load(id);
    this.#cache.delete(id);
    this.#cache.set(id, { key, until: now + CACHE_MS });
    evictOldest(this.#cache);
    return key;
  }

  async #load(id: string): Promise<ApiKey | undefined> {
    try {
      return await this.#parts.store.key(id);
    } catch (cause) {
      this.#cache.delete(id);
      throw new CairnError('UNAVAILABLE', 'Keys cannot be checked at the moment.', { retryAfter: 1, cause });
    }
  }

  #refuse(reason: string, key?: ApiKey): null {
    this.#watch.refused('Authenticate', reason, key);
    return null;
  }

  #touch(key: ApiKey, now: number): void {
    const { id } = key;
    if (now - (this.#touched.get(id) ?? -Infinity) < TOUCH_MS) return;
    this.#touched.delete(id);
    this.#touched.set(id, now);
    evictOldest(this.#touched);
    const write = this.#write(key, now).finally(() => this.#writes.delete(write));
    this.#writes.add(write);
  }

  /** A failure costs the time of one use, which the next use writes: no reason to refuse the request. */
  async #write(key: ApiKey, now: number): Promise<void> {
    const { id, lastUsedAt } = key;
    const { store } = this.#parts;
    try {
      if (lastUsedAt) await store.touchKey(id, new Date(now), new Date(now - TOUCH_MS));
      else await this.#watch.firstUse(key, () => store.useFirst(id, new Date(now)));
    } catch (error) {
      this.#touched.delete(id);
      this.#parts.log.error({ keyId: id, err: error }, 'last use of a key not written');
    }
  }
}

function principalOf({ id, role, accounts }: ApiKey): Principal {
  return { keyId: id, role, accounts: accounts ?? 'ALL' };
}

function isLive(key: ApiKey, now: number): boolean {
  return !key.revokedAt && (!key.expiresAt || now < key.expiresAt.getTime());
}

function evictOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (map.size > CACHE_SIZE && oldest !== undefined) map.delete(oldest);
}
