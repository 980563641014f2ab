import { dataKeyObject } from '#journal/data-keys';
import { parseDataKeyObject } from '#journal/rebuild';
import type { Findings, PositionRange } from '#journal/verify/finding';
import { signingKeyOf } from '#journal/signing-key';
import { ROOT_SECRET } from '#platform/keys';
import type { KeyProvider } from '#platform/keys';
import type { ObjectReader } from '#platform/objects/object-store';
import { ServiceUnavailable } from '#platform/service-unavailable';

/** Keys of files that people took along: no part of the log. */
const OF_EXPORTS = 'export/';
const SIGNING = 'signing/';
/** Lengths of a wrapped key by its first byte: AES-256-GCM (suite, nonce, 32 bytes, tag); what AWS KMS gives. */
const WRAPPED_BYTES: Readonly<Record<number, readonly [from: number, to: number]>> = {
  1: [61, 61],
  2: [34, 6_145],
};
const CACHED_KEYS = 20_000;

interface KeyUse {
  readonly account: number;
  readonly month: number;
  /** Events under it. */
  events: number;
  /** From its first event's position to its last's. */
  positions: PositionRange;
}

interface KeyErasure {
  readonly where: string;
  readonly account: number;
}

/**
 * Which data keys the segments use, which the erasure records destroyed, and which there are: a key that is not
 * there must have been erased, and one that was erased must not be there.
 */
export class KeyCheck {
  readonly #store: ObjectReader;
  readonly #keys: KeyProvider | undefined;
  readonly #findings: Findings;
  readonly #used = new Map<string, KeyUse>();
  readonly #erased = new Map<string, KeyErasure>();
  readonly #opened = new Map<string, Buffer | undefined>();

  constructor(store: ObjectReader, keys: KeyProvider | undefined, findings: Findings) {
    this.#store = store;
    this.#keys = keys;
    this.#findings = findings;
  }

  /** Frames are encrypted under the key; false when it was used for another account or month before. */
  use(
    id: Buffer,
    owner: { readonly account: number; readonly month: number },
    positions: Uint32Array,
    first: number,
  ): boolean {
    const name = id.toString('hex');
    const use = this.#used.get(name) ?? {
      ...owner,
      events: 0,
      positions: { from: Number.MAX_SAFE_INTEGER, to: 0 },
    };
    if (use.account !== owner.account || use.month !== owner.month) return false;
    use.events += positions.length;
    use.positions = {
      from: Math.min(use.positions.from, first + (positions[0] ?? 0)),
      to: Math.max(use.positions.to, first + (positions.at(-1) ?? 0) + 1),
    };
    this.#used.set(name, use);
    return true;
  }

  /** An erasure record, `where`, names the key. */
  erase(id: Buffer, account: number, where: string): void {
    this.#erased.set(id.toString('hex'), { where, account });
  }

  /** The data key, when it is there and can be unwrapped; remembered. Needs the master key. */
  async open(
    id: Buffer,
    owner: { readonly account: number; readonly month: number },
  ): Promise<Buffer | undefined> {
    const name = id.toString('hex');
    if (this.#keys === undefined) return undefined;
    if (this.#opened.has(name)) return this.#opened.get(name);
    const path = dataKeyObject({ ...owner, id });
    const wrapped = await this.#store.get(path);
    const key = wrapped === undefined ? undefined : await this.#unwrap(path, wrapped);
    if (this.#opened.size >= CACHED_KEYS) this.#opened.clear();
    this.#opened.set(name, key);
    return key;
  }

  async #unwrap(path: string, wrapped: Buffer): Promise<Buffer | undefined> {
    try {
      return await this.#keys?.unwrap(wrapped, path);
    } catch (error) {
      if (error instanceof ServiceUnavailable) throw error;
      // Named when the store is walked.
      return undefined;
    }
  }

  /** Walks the key store: what is there, against what is used and what was erased. Returns the erased events. */
  async finish(signing: ReadonlySet<string>): Promise<number> {
    const there = new Set<string>();
    for await (const path of this.#store.list('')) {
      if (path === ROOT_SECRET || path.startsWith(OF_EXPORTS)) await this.#checkWrapped(path);
      else if (path.startsWith(SIGNING)) await this.#checkSigning(path);
      else await this.#checkData(path, there);
    }
    for (const key of signing) {
      const path = `${SIGNING}${key}`;
      if ((await this.#store.size(path)) === undefined) {
        this.#findings.missing(
          `keys:${path}`,
          'a signing key is missing: no more checkpoints can be signed with it',
        );
      }
    }
    return this.#checkUses(there);
  }

  async #checkData(path: string, there: Set<string>): Promise<void> {
    const key = parseDataKeyObject(path);
    if (key === undefined) {
      this.#findings.tampered(`keys:${path}`, 'not the name of a key');
      return;
    }
    const name = key.id.toString('hex');
    const use = this.#used.get(name);
    const misplaced = use !== undefined && (use.account !== key.account || use.month !== key.month);
    if (misplaced) this.#findings.tampered(`keys:${path}`, 'a data key under another account or month');
    else there.add(name);
    if (this.#erased.has(name))
      this.#findings.tampered(`keys:${path}`, 'a key that was erased is there again');
    await this.#checkWrapped(path);
  }

  async #checkSigning(path: string): Promise<void> {
    const seed = await this.#checkWrapped(path);
    const hex = path.slice(SIGNING.length);
    const other = seed !== undefined && signingKeyOf(seed).publicKey.toString('hex') !== hex;
    if (other || !/^[0-9a-f]{64}$/.test(hex))
      this.#findings.tampered(`keys:${path}`, 'not the signing key of that name');
  }

  /** With the master key whether it unwraps, else only its length. */
  async #checkWrapped(path: string): Promise<Buffer | undefined> {
    const wrapped = await this.#store.get(path);
    if (wrapped === undefined) return undefined;
    const key = this.#keys === undefined ? undefined : await this.#unwrap(path, wrapped);
    const good = this.#keys === undefined ? hasWrappedLength(wrapped) : key !== undefined;
    if (!good)
      this.#findings.tampered(`keys:${path}`, 'a wrapped key that was changed', {
        offset: 0,
        length: wrapped.length,
      });
    return key;
  }

  #checkUses(there: ReadonlySet<string>): number {
    const perErasure = new Map<string, { events: number; from: number; to: number }>();
    let erased = 0;
    for (const [name, use] of this.#used) {
      const erasure = this.#erased.get(name);
      if (erasure?.account === use.account) {
        const sum = perErasure.get(erasure.where) ?? { events: 0, ...use.positions };
        sum.events += use.events;
        sum.from = Math.min(sum.from, use.positions.from);
        sum.to = Math.max(sum.to, use.positions.to);
        perErasure.set(erasure.where, sum);
        erased += use.events;
      } else if (!there.has(name)) {
        const path = dataKeyObject({ ...use, id: Buffer.from(name, 'hex') });
        const message = `the key of ${use.events} events is missing, and no erasure record names it`;
        this.#findings.missing(`keys:${path}`, message, use.positions);
      }
    }
    for (const [where, { events, from, to }] of perErasure) {
      const message = `${events} events were erased`;
      this.#findings.add({ kind: 'erased', where, positions: { from, to }, message });
    }
    return erased;
  }
}

function hasWrappedLength(wrapped: Buffer): boolean {
  const [from, to] = WRAPPED_BYTES[wrapped[0] ?? 0] ?? [1, 0];
  return wrapped.length >= from && wrapped.length <= to;
}
