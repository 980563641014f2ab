import { createSecretKey, randomBytes } from 'node:crypto';
import { CairnError } from '#domain/errors';
import { inScope, type Erasures } from '#journal/erasures';
import type { FrameKey } from '#journal/format/frame';
import { monthName } from '#journal/format/month';
import { uuidText } from '#journal/format/uuid';
import { Lru } from '#journal/lru';
import type { Steps } from '#journal/steps';
import type { AccountMonth, DataKeyRow, DataKeyStore } from '#journal/store/data-key-store';
import type { KeyProvider } from '#platform/keys';
import type { ObjectStore } from '#platform/objects/object-store';
import { ServiceUnavailable } from '#platform/service-unavailable';

/** Keys in memory; 300 bytes each. */
const CACHED_KEYS = 20_000;
/** Key objects read or written at the same time. */
const PARALLEL = 16;
/** Milliseconds for which nobody asks again after the keys' store or their service did not answer. */
const AWAY_MS = 5_000;
/** An erasure can destroy a key between its row and its object; not over and over again. */
const MAKE_ATTEMPTS = 5;

/** A data key with whose events it is for. */
export interface DataKey extends FrameKey, AccountMonth {}

export interface DataKeysDeps {
  readonly store: DataKeyStore;
  readonly objects: ObjectStore;
  readonly keys: KeyProvider;
  readonly erasures: Erasures;
  readonly step?: Steps;
}

/** `<account>/<YYYY-MM>/<key id>` (docs/formats/journal.md, section 8). */
export function dataKeyObject(key: AccountMonth & { readonly id: Buffer }): string {
  const account = String(key.account).padStart(12, '0');
  return `${account}/${monthName(key.month)}/${uuidText(key.id)}`;
}

/**
 * The data keys of accounts' months. A key's object is stored before its row, so that no frame is ever written
 * under a key that a crash could lose; a row that came second leaves an object that is deleted again.
 */
export class DataKeys {
  readonly #deps: DataKeysDeps;
  readonly #byId = new Lru<string, DataKey>(CACHED_KEYS);
  readonly #active = new Lru<string, DataKey>(CACHED_KEYS);
  /** When the last failure of that kind was, and of what. */
  #away: { readonly at: number; readonly failure: ServiceUnavailable } | undefined;

  constructor(deps: DataKeysDeps) {
    this.#deps = deps;
    deps.erasures.onErasure((erasure) => {
      const dead = (key: DataKey): boolean => inScope(erasure, key.account, key.month);
      this.#byId.deleteWhere(dead);
      this.#active.deleteWhere(dead);
    });
  }

  /**
   * The active key of each, made where there is none; in the order asked for. They are those of erasure
   * `erasures.known` as it was when this was called, which a commit must check. UNAVAILABLE, at once for a while,
   * when one is not in memory and cannot be asked for: those who need it must not hold up the others.
   */
  async active(wanted: readonly AccountMonth[]): Promise<readonly DataKey[]> {
    const known = this.#deps.erasures.known;
    const found = new Map<string, DataKey>();
    for (let attempt = 0; attempt < MAKE_ATTEMPTS; attempt++) {
      const missing = wanted.filter((item) => !this.#collectActive(item, found));
      if (missing.length === 0) break;
      for (const key of await this.#unlessAway(() => this.#loadOrMake(missing))) {
        found.set(nameOf(key), key);
        if (this.#deps.erasures.known === known) this.#active.set(nameOf(key), key);
      }
    }
    return wanted.map((item) => {
      const key = found.get(nameOf(item));
      if (key === undefined) throw new CairnError('UNAVAILABLE', 'A data key was erased as it was made.');
      return key;
    });
  }

  async #unlessAway<Result>(work: () => Promise<Result>): Promise<Result> {
    const away = this.#away;
    if (away !== undefined && performance.now() - away.at < AWAY_MS) throw keysAway(away.failure);
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ServiceUnavailable)) throw error;
      this.#away = { at: performance.now(), failure: error };
      throw keysAway(error);
    }
  }

  #collectActive(item: AccountMonth, found: Map<string, DataKey>): boolean {
    const name = nameOf(item);
    if (found.has(name)) return true;
    const key = this.#active.get(name);
    if (key !== undefined) found.set(name, key);
    return key !== undefined;
  }

  async #loadOrMake(wanted: readonly AccountMonth[]): Promise<readonly DataKey[]> {
    const { store } = this.#deps;
    const rows = await store.active(wanted);
    const there = new Set(rows.map(nameOf));
    const fresh = await inParallel(
      wanted.filter((item) => !there.has(nameOf(item))),
      (item) => this.#make(item),
    );
    if (fresh.length === 0) return this.#open(rows);
    await this.#deps.step?.('key.stored');
    const late = new Set((await store.add(fresh)).map(uuidText));
    await this.#deps.step?.('key.added');
    const lost = fresh.filter((key) => late.has(uuidText(key.id)));
    const won = fresh.filter((key) => !late.has(uuidText(key.id)));
    await inParallel(lost, (key) => this.#deps.objects.delete(dataKeyObject(key)));
    const others = lost.length === 0 ? [] : await store.active(lost);
    return [...won, ...(await this.#open([...rows, ...others]))];
  }

  async #make(owner: AccountMonth): Promise<DataKey> {
    const secret = randomBytes(32);
    const key = { ...owner, id: randomBytes(16), secret: createSecretKey(secret) };
    const name = dataKeyObject(key);
    await this.#deps.objects.putIfAbsent(name, await this.#deps.keys.wrap(secret, name));
    return key;
  }

  /**
   * The keys of these ids; absent those that an erasure destroyed. CORRUPT when a key that nobody erased is not
   * there or does not unwrap.
   */
  async byId(ids: readonly Buffer[]): Promise<ReadonlyMap<string, DataKey>> {
    const { store, erasures } = this.#deps;
    await erasures.fresh();
    const known = erasures.known;
    const found = new Map<string, DataKey>();
    const missing: Buffer[] = [];
    for (const id of ids) {
      const name = id.toString('hex');
      const key = this.#byId.get(name);
      if (key === undefined) missing.push(id);
      else found.set(name, key);
    }
    if (missing.length === 0) return found;
    const rows = await store.byId(missing);
    if (rows.length < new Set(missing.map(uuidText)).size) {
      throw new CairnError('CORRUPT', 'A frame names a data key that the journal has never had.');
    }
    for (const key of await this.#open(rows.filter((row) => !row.destroyed))) {
      const name = key.id.toString('hex');
      found.set(name, key);
      if (erasures.known === known) this.#byId.set(name, key);
    }
    return found;
  }

  async #open(rows: readonly DataKeyRow[]): Promise<readonly DataKey[]> {
    const keys = await inParallel(rows, (row) => this.#openOne(row));
    return keys.filter((key) => key !== undefined);
  }

  async #openOne({ id, account, month }: DataKeyRow): Promise<DataKey | undefined> {
    const name = dataKeyObject({ id, account, month });
    const wrapped = await this.#deps.objects.get(name);
    if (wrapped !== undefined)
      return { id, account, month, secret: createSecretKey(await this.#unwrap(wrapped, name)) };
    // Either an erasure was decided since the row was read, or the key is lost.
    const [now] = await this.#deps.store.byId([id]);
    if (now?.destroyed === true) return undefined;
    throw new CairnError('CORRUPT', `The data key ${name} is missing, and no erasure destroyed it.`);
  }

  async #unwrap(wrapped: Buffer, name: string): Promise<Buffer> {
    try {
      return await this.#deps.keys.unwrap(wrapped, name);
    } catch (cause) {
      if (cause instanceof ServiceUnavailable) throw cause;
      throw new CairnError('CORRUPT', `The data key ${name} cannot be unwrapped.`, { cause });
    }
  }
}

function keysAway(cause: ServiceUnavailable): CairnError {
  const message = 'A data key that is needed cannot be made or read at the moment.';
  return new CairnError('UNAVAILABLE', message, { retryAfter: 5, cause });
}

/** Whether the failure is that of some accounts' keys, and not of the journal. */
export function isKeysAway(error: unknown): boolean {
  return error instanceof CairnError && error.cause instanceof ServiceUnavailable;
}

function nameOf(item: AccountMonth): string {
  return `${item.account}/${item.month}`;
}

async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += PARALLEL) {
    results.push(...(await Promise.all(items.slice(from, from + PARALLEL).map(work))));
  }
  return results;
}
