import { anchorKey, checkpointKey, parseAnchorKey, sizeOfKey, type AnchorPlace } from '#journal/checkpoint';
import type { ObjectReader } from '#platform/objects/object-store';

/** How many records may wait for their checkpoints before the store is listed instead. */
const LOOK_BACK = 8;

interface Stores {
  readonly objects: ObjectReader;
  readonly anchor: ObjectReader;
}

/** The newest checkpoints that are out already, in the store and in the anchor: what is signed next must follow. */
export class PublishedCheckpoints {
  /** The largest size in the store; 0 when there is none. */
  readonly stored: number;
  readonly #stores: Stores;
  readonly #origin: string;
  readonly #count: number;
  /** The largest size in the anchor, by epoch. */
  readonly #anchored = new Map<number, number>();

  private constructor(
    stores: Stores,
    log: { readonly origin: string; readonly count: number },
    stored: number,
  ) {
    this.#stores = stores;
    this.#origin = log.origin;
    this.#count = log.count;
    this.stored = stored;
  }

  /** `count`: the records that the log has, where the newest checkpoint is looked for first. */
  static async list(stores: Stores, origin: string, count: number): Promise<PublishedCheckpoints> {
    const { objects } = stores;
    const keyOf = checkpointKey;
    const sizeOf = (key: string): number => sizeOfKey(key, 'checkpoint/') ?? 0;
    const stored = await newest(objects, { prefix: 'checkpoint/', keyOf, sizeOf, count });
    return new PublishedCheckpoints(stores, { origin, count }, stored);
  }

  /** Looks into the anchor for the epoch's checkpoints; only the first time. */
  async know(epoch: number): Promise<void> {
    if (this.#anchored.has(epoch)) return;
    const origin = this.#origin;
    const keyOf = (size: number): string => anchorKey(origin, { epoch, size });
    const sizeOf = (key: string): number => {
      const place = parseAnchorKey(origin, key);
      return place?.epoch === epoch ? place.size : 0;
    };
    const prefix = epoch === 0 ? `${origin}/` : keyOf(0).slice(0, -16);
    const { anchor } = this.#stores;
    this.#anchored.set(epoch, await newest(anchor, { prefix, keyOf, sizeOf, count: this.#count }));
  }

  /** The largest size that the anchor has in this epoch, which must be known. */
  anchored(epoch: number): number {
    return this.#anchored.get(epoch) ?? 0;
  }

  /** Whether the anchor has this note under the key. */
  async hasAnchored(key: string, note: string): Promise<boolean> {
    return (await this.#stores.anchor.get(key))?.toString('utf8') === note;
  }

  /** The checkpoints of this size, where they are the newest of their place. */
  async notesOf({ epoch, size }: AnchorPlace): Promise<readonly { where: string; note: string }[]> {
    const { objects, anchor } = this.#stores;
    const places = [
      { where: 'store', store: objects, key: checkpointKey(size), newest: this.stored },
      {
        where: 'anchor',
        store: anchor,
        key: anchorKey(this.#origin, { epoch, size }),
        newest: this.anchored(epoch),
      },
    ];
    const found = [];
    for (const { where, store, key, newest: last } of places) {
      if (last === size) found.push({ where, note: (await store.get(key))?.toString('utf8') ?? '' });
    }
    return found;
  }
}

interface Shelf {
  readonly prefix: string;
  readonly keyOf: (size: number) => string;
  /** 0 for a key that is not of this shelf. */
  readonly sizeOf: (key: string) => number;
  readonly count: number;
}

/** Looks beyond and just below the log's end; lists the store only when there is nothing. */
async function newest(store: ObjectReader, { prefix, keyOf, sizeOf, count }: Shelf): Promise<number> {
  let beyond = 0;
  for await (const key of store.list(prefix, keyOf(count))) beyond = Math.max(beyond, sizeOf(key));
  if (beyond > 0) return beyond;
  for (let size = count; size > Math.max(0, count - LOOK_BACK); size--) {
    if ((await store.size(keyOf(size))) !== undefined) return size;
  }
  return newestSize(store, prefix, sizeOf);
}

/** The largest size that has a checkpoint under the prefix; 0 when none has. */
export async function newestSize(
  store: ObjectReader,
  prefix: string,
  sizeOf: (key: string) => number = (key) => sizeOfKey(key, prefix) ?? 0,
): Promise<number> {
  let found = 0;
  for await (const key of store.list(prefix)) found = Math.max(found, sizeOf(key));
  return found;
}
