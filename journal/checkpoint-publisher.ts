import { CairnError } from '#domain/errors';
import {
  anchorKey,
  checkpointKey,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
  sizeOfKey,
} from '#journal/checkpoint';
import { uuidText } from '#journal/format/uuid';
import { decodeRecord } from '#journal/format/record';
import { CompactRange } from '#journal/merkle/compact-range';
import type { NoteKey } from '#journal/note';
import { loadSigningKey, type SigningKey } from '#journal/signing-key';
import { TileBuilder, tileKey, TILE_WIDTH, type TileObject } from '#journal/tiles';
import type { KeyProvider } from '#platform/keys';
import type { ObjectReader, ObjectStore } from '#platform/objects/object-store';

export interface PublisherDeps {
  readonly objects: ObjectStore;
  /** Outside the data folder: what is there cannot be changed along with it. */
  readonly anchor: ObjectStore;
  readonly keyObjects: ObjectStore;
  readonly keys: KeyProvider;
  /** Told after each step; a test may kill the process there. */
  readonly step: (name: string) => void | Promise<void>;
}

/** Records as PostgreSQL has them, 1,000 at most, from a sequence on. */
export interface RecordSource {
  recordsFrom(sequence: number): Promise<readonly { readonly record: Buffer; readonly leaf: Buffer }[]>;
}

interface Pending {
  readonly size: number;
  readonly root: Buffer;
  readonly tiles: readonly TileObject[];
  /** The newest key among its records signs it. */
  readonly publicKey: Buffer;
}

/** A checkpoint that is already out: what is signed next must be consistent with it. */
interface Published {
  readonly where: 'store' | 'anchor';
  readonly size: number;
  readonly note: string;
}

/**
 * Publishes what follows from each record: its tiles, a signed checkpoint, the anchor's copy. Everything is put
 * if absent and has the same bytes whoever makes it, so a crash or a second process changes nothing. Signs
 * nothing that is not an extension of the newest checkpoints of the store and of the anchor.
 */
export class CheckpointPublisher {
  readonly #deps: PublisherDeps;
  readonly #tree = new CompactRange();
  readonly #tiles = new TileBuilder();
  readonly #noteKeys: NoteKey[] = [];
  #pending: Pending[] = [];
  #published: readonly Published[] | undefined;
  #signer: SigningKey | undefined;
  /** Once the log is not what was signed before, nothing more is signed until somebody has looked. */
  #contradicted: CairnError | undefined;
  #origin = '';

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
  }

  /** Publishes all records that the source has. CORRUPT when they do not extend what is already signed. */
  async catchUp(records: RecordSource): Promise<void> {
    if (this.#contradicted !== undefined) throw this.#contradicted;
    for (;;) {
      const page = await records.recordsFrom(this.#tree.size);
      for (const { record, leaf } of page) await this.#append(record, leaf);
      await this.#drain();
      if (page.length === 0) return;
    }
  }

  /** CORRUPT when store or anchor have a checkpoint of more records than have been given: some were lost. */
  checkNothingLost(): void {
    const ahead = this.#published?.find(({ size }) => size > this.#tree.size);
    if (ahead === undefined) return;
    throw new CairnError(
      'CORRUPT',
      `The ${ahead.where} has a checkpoint of ${ahead.size} records, the log only ${this.#tree.size}.`,
    );
  }

  async #append(record: Buffer, leaf: Buffer): Promise<void> {
    const decoded = decodeRecord(record);
    if (this.#tree.size === 0) {
      this.#origin = uuidText(decoded.log);
      this.#published = await this.#newestPublished();
    }
    if (decoded.kind === 'key') this.#noteKeys.push({ name: this.#origin, publicKey: decoded.publicKey });
    const { publicKey } = this.#noteKeys.at(-1) ?? {};
    if (publicKey === undefined) throw new CairnError('CORRUPT', 'The log does not begin with a key record.');
    this.#tree.append(leaf);
    const size = this.#tree.size;
    for (const published of this.#published ?? []) {
      if (published.size === size) this.#compare(published, this.#tree.root());
    }
    const done = this.#published?.every((published) => published.size >= size) ?? false;
    const tiles = this.#tiles.append(record, leaf, !done);
    if (!done) this.#pending.push({ size, root: this.#tree.root(), tiles, publicKey });
  }

  #compare(published: Published, root: Buffer): void {
    const checkpoint = openCheckpoint(published.note, this.#noteKeys);
    if (checkpoint?.size === published.size && checkpoint.root.equals(root)) return;
    const what = `The checkpoint of ${published.size} records in the ${published.where}`;
    this.#contradicted = new CairnError('CORRUPT', `${what} is not one of this log.`);
    throw this.#contradicted;
  }

  async #newestPublished(): Promise<readonly Published[]> {
    const { objects, anchor } = this.#deps;
    const places = [
      { where: 'store' as const, store: objects, prefix: 'checkpoint/' },
      { where: 'anchor' as const, store: anchor, prefix: `${this.#origin}/` },
    ];
    return Promise.all(
      places.map(async ({ where, store, prefix }) => {
        const size = await newestSize(store, prefix);
        const note = size === 0 ? undefined : await store.get(`${prefix}${String(size).padStart(16, '0')}`);
        return { where, size, note: note?.toString('utf8') ?? '' };
      }),
    );
  }

  /** In order; what fails is tried again by the next call. */
  async #drain(): Promise<void> {
    for (let next = this.#pending[0]; next !== undefined; next = this.#pending[0]) {
      await this.#publish(next);
      this.#pending.shift();
    }
  }

  async #publish({ size, root, tiles, publicKey }: Pending): Promise<void> {
    const { objects, anchor, step } = this.#deps;
    for (const tile of tiles) {
      if (await objects.putIfAbsent(tileKey(tile), tile.bytes)) continue;
      const there = await objects.get(tileKey(tile));
      if (there?.equals(tile.bytes) !== true)
        throw new CairnError('CORRUPT', `${tileKey(tile)} has other bytes`);
    }
    await step('tiles');
    const signer = await this.#signerOf(publicKey);
    const note = signCheckpoint({ size, root }, { ...signer, name: this.#origin });
    await this.#put(objects, checkpointKey(size), note);
    await step('checkpoint');
    await this.#put(anchor, anchorKey(this.#origin, size), note);
    await step('anchored');
    for (const tile of tiles) if (tile.width === TILE_WIDTH) await this.#dropPartials(tile);
  }

  async #signerOf(publicKey: Buffer): Promise<SigningKey> {
    if (this.#signer?.publicKey.equals(publicKey) !== true) {
      this.#signer = await loadSigningKey(this.#deps.keyObjects, this.#deps.keys, publicKey);
    }
    return this.#signer;
  }

  async #put(store: ObjectStore, key: string, note: string): Promise<void> {
    if (await store.putIfAbsent(key, Buffer.from(note))) return;
    if ((await store.get(key))?.toString('utf8') === note) return;
    throw new CairnError('CORRUPT', `${key} holds another checkpoint: the log was written twice.`);
  }

  async #dropPartials(tile: TileObject): Promise<void> {
    const prefix = `${tileKey(tile)}.p/`;
    const partials: string[] = [];
    for await (const key of this.#deps.objects.list(prefix)) partials.push(key);
    for (const key of partials) await this.#deps.objects.delete(key);
  }
}

/** The largest size that has a checkpoint under the prefix; 0 when none has. */
export async function newestSize(store: ObjectReader, prefix: string): Promise<number> {
  let newest = 0;
  for await (const key of store.list(prefix)) newest = Math.max(newest, sizeOfKey(key, prefix) ?? 0);
  return newest;
}

/** The newest checkpoint as signed, for readers that trust the store; undefined before the first. */
export async function latestCheckpoint(
  objects: ObjectReader,
): Promise<
  { readonly note: string; readonly origin: string; readonly size: number; readonly root: Buffer } | undefined
> {
  const size = await newestSize(objects, 'checkpoint/');
  if (size === 0) return undefined;
  const note = (await objects.get(checkpointKey(size)))?.toString('utf8');
  const checkpoint = note === undefined ? undefined : parseCheckpoint(note);
  if (note === undefined || checkpoint === undefined) {
    throw new CairnError('CORRUPT', `${checkpointKey(size)} holds no checkpoint`);
  }
  return { note, ...checkpoint };
}
