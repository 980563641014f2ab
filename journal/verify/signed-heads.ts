import {
  anchorKey,
  checkpointKey,
  openCheckpoint,
  parseAnchorKey,
  sizeOfKey,
  type AnchorPlace,
} from '#journal/checkpoint';
import { epochStarts, type EpochStart } from '#journal/log-shape';
import type { NoteKey } from '#journal/note';
import type { Findings } from '#journal/verify/finding';
import type { ObjectReader } from '#platform/objects/object-store';

/** A place where checkpoints are kept. */
interface Shelf {
  readonly name: 'objects' | 'anchor';
  readonly store: ObjectReader;
  readonly keyOf: (place: AnchorPlace) => string;
  /** Those of the log as it is now; sizes by epoch, epoch 0 for all where epochs do not matter. */
  readonly places: ReadonlyMap<number, ReadonlySet<number>>;
  readonly newest: number;
}

/** A checkpoint of this many records, the newest of them of this epoch. */
type HeadPlace = AnchorPlace;

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
    const { objects, anchor } = stores;
    const shelves = [await listObjects(objects, findings)];
    if (anchor !== undefined) shelves.push(await listAnchor({ objects, anchor }, origin, findings));
    return new SignedHeads(shelves, findings, origin);
  }

  /** The largest size that either has a checkpoint of. */
  get newest(): number {
    return Math.max(...this.#shelves.map((shelf) => shelf.newest));
  }

  /** Reads the checkpoints of this place; says which are missing or not signed. */
  async at(place: HeadPlace, keys: readonly NoteKey[]): Promise<readonly SignedRoot[]> {
    const roots: SignedRoot[] = [];
    const { size } = place;
    for (const shelf of this.#shelves) {
      const key = shelf.keyOf(place);
      const where = `${shelf.name}:${key}`;
      if (!has(shelf, place)) {
        if (size <= this.newest)
          this.#findings.missing(where, `the checkpoint of ${size} records is missing`);
        continue;
      }
      const note = (await shelf.store.get(key))?.toString('utf8') ?? '';
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
    end: HeadPlace,
    keys: readonly NoteKey[],
    missing: (sequence: number, where: string) => void,
  ): Promise<void> {
    const all = this.#shelves.flatMap((shelf) => [...shelf.places.values()].flatMap((sizes) => [...sizes]));
    let named = end.size;
    for (const size of [...new Set(all)].filter((one) => one > end.size).toSorted((a, b) => a - b)) {
      const [signed] = await this.at({ epoch: end.epoch, size }, keys);
      if (signed === undefined) continue;
      for (; named < size; named++) missing(named, signed.where);
    }
  }
}

function has({ name, places }: Shelf, { epoch, size }: HeadPlace): boolean {
  return places.get(name === 'objects' ? 0 : epoch)?.has(size) === true;
}

async function listObjects(store: ObjectReader, findings: Findings): Promise<Shelf> {
  const sizes = new Set<number>();
  const prefix = 'checkpoint/';
  for await (const key of store.list(prefix)) {
    const size = sizeOfKey(key, prefix) ?? 0;
    if (size === 0) findings.tampered(`objects:${key}`, 'not the name of a checkpoint');
    else sizes.add(size);
  }
  const keyOf = ({ size }: HeadPlace): string => checkpointKey(size);
  return { name: 'objects', store, keyOf, places: new Map([[0, sizes]]), newest: largest(sizes) };
}

async function listAnchor(
  { objects, anchor }: { readonly objects: ObjectReader; readonly anchor: ObjectReader },
  origin: string,
  findings: Findings,
): Promise<Shelf> {
  const places = new Map<number, Set<number>>();
  for await (const key of anchor.list(`${origin}/`)) {
    const place = parseAnchorKey(origin, key);
    if (place === undefined || place.size === 0) {
      findings.tampered(`anchor:${key}`, 'not the name of a checkpoint');
      continue;
    }
    const sizes = places.get(place.epoch) ?? new Set();
    places.set(place.epoch, sizes.add(place.size));
  }
  const keyOf = (place: HeadPlace): string => anchorKey(origin, place);
  const starts = await epochStarts(objects);
  for (const [epoch, sizes] of places) dropLost({ epoch, sizes, starts, keyOf, findings });
  const newest = Math.max(0, ...[...places.values()].map(largest));
  return { name: 'anchor', store: anchor, keyOf, places, newest };
}

/** Checkpoints of an epoch, of more records than it has in this log: of an end that a restore lost. */
function dropLost(shelf: {
  readonly epoch: number;
  readonly sizes: Set<number>;
  readonly starts: readonly EpochStart[];
  readonly keyOf: (place: HeadPlace) => string;
  readonly findings: Findings;
}): void {
  const { epoch, sizes, starts, keyOf, findings } = shelf;
  const next = starts.find((start) => start.epoch > epoch);
  const lost = [...sizes].filter((size) => next !== undefined && size > next.sequence);
  if (next === undefined || lost.length === 0) return;
  for (const size of lost) sizes.delete(size);
  const newest = Math.max(...lost);
  const where = `anchor:${keyOf({ epoch, size: newest })}`;
  const message = `records ${next.sequence} to ${newest - 1} of epoch ${epoch} were signed and are not in the log: it was restored, and epoch ${next.epoch} begins at record ${next.sequence}`;
  findings.add({ kind: 'lost', where, message });
}

function largest(sizes: Iterable<number>): number {
  let found = 0;
  for (const size of sizes) found = Math.max(found, size);
  return found;
}
