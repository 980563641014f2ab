import { anchorKey, checkpointKey, openCheckpoint, sizeOfKey } from '#journal/checkpoint';
import type { NoteKey } from '#journal/note';
import type { Findings } from '#journal/verify/finding';
import type { ObjectReader } from '#platform/objects/object-store';

/** A place where checkpoints are kept. */
interface Shelf {
  readonly name: 'objects' | 'anchor';
  readonly store: ObjectReader;
  readonly keyOf: (size: number) => string;
  readonly sizes: ReadonlySet<number>;
  readonly newest: number;
}

/** A root that a key of the log has signed. */
export interface SignedRoot {
  readonly root: Buffer;
  readonly where: string;
}

/**
 * The checkpoints of the store and of the anchor. Each record has one in both, but for the newest ones, which a
 * crash, or a look at a running journal, may find before they are signed.
 */
export class SignedHeads {
  readonly #shelves: readonly Shelf[];
  readonly #findings: Findings;
  readonly #origin: string;

  private constructor(shelves: readonly Shelf[], findings: Findings, origin: string) {
    this.#shelves = shelves;
    this.#findings = findings;
    this.#origin = origin;
  }

  static async list(
    stores: { readonly objects: ObjectReader; readonly anchor: ObjectReader | undefined },
    origin: string,
    findings: Findings,
  ): Promise<SignedHeads> {
    const shelves = [
      await listShelf('objects', stores.objects, { prefix: 'checkpoint/', keyOf: checkpointKey, findings }),
    ];
    if (stores.anchor !== undefined) {
      const keyOf = (size: number): string => anchorKey(origin, size);
      shelves.push(await listShelf('anchor', stores.anchor, { prefix: `${origin}/`, keyOf, findings }));
    }
    return new SignedHeads(shelves, findings, origin);
  }

  /** The largest size that either has a checkpoint of. */
  get newest(): number {
    return Math.max(...this.#shelves.map((shelf) => shelf.newest));
  }

  /** Reads the checkpoints of this size; says which are missing or not signed. */
  async at(size: number, keys: readonly NoteKey[]): Promise<readonly SignedRoot[]> {
    const roots: SignedRoot[] = [];
    for (const shelf of this.#shelves) {
      const where = `${shelf.name}:${shelf.keyOf(size)}`;
      if (!shelf.sizes.has(size)) {
        if (size <= this.newest)
          this.#findings.missing(where, `the checkpoint of ${size} records is missing`);
        continue;
      }
      const note = (await shelf.store.get(shelf.keyOf(size)))?.toString('utf8') ?? '';
      const checkpoint = openCheckpoint(note, keys);
      if (checkpoint?.size === size && checkpoint.origin === this.#origin)
        roots.push({ root: checkpoint.root, where });
      else this.#findings.tampered(where, "not a checkpoint of this size that the log's key has signed");
    }
    return roots;
  }

  /**
   * Checkpoints of more records than there are: each that the log's key has signed speaks for all records up to
   * it. A name alone proves nothing, so nobody counts up to it.
   */
  async beyond(
    size: number,
    keys: readonly NoteKey[],
    missing: (sequence: number, where: string) => void,
  ): Promise<void> {
    const sizes = new Set(this.#shelves.flatMap((shelf) => [...shelf.sizes]).filter((one) => one > size));
    let named = size;
    for (const next of [...sizes].toSorted((a, b) => a - b)) {
      const [signed] = await this.at(next, keys);
      if (signed === undefined) continue;
      for (; named < next; named++) missing(named, signed.where);
    }
  }
}

async function listShelf(
  name: Shelf['name'],
  store: ObjectReader,
  how: { readonly prefix: string; readonly keyOf: Shelf['keyOf']; readonly findings: Findings },
): Promise<Shelf> {
  const sizes = new Set<number>();
  let newest = 0;
  for await (const key of store.list(how.prefix)) {
    const size = sizeOfKey(key, how.prefix);
    if (size === undefined || size === 0) {
      how.findings.tampered(`${name}:${key}`, 'not the name of a checkpoint');
      continue;
    }
    sizes.add(size);
    newest = Math.max(newest, size);
  }
  return { name, store, keyOf: how.keyOf, sizes, newest };
}
