import { CairnError } from '#domain/errors';
import {
  anchorKey,
  checkpointKey,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from '#journal/checkpoint';
import { uuidText } from '#journal/format/uuid';
import { decodeRecord } from '#journal/format/record';
import { CompactRange } from '#journal/merkle/compact-range';
import type { NoteKey } from '#journal/note';
import { newestSize, PublishedCheckpoints } from '#journal/published-checkpoints';
import { loadSigningKey, type SigningKey } from '#journal/signing-key';
import { readEdge, type EdgeRecords } from '#journal/tree-edge';
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
  /** Logs of fewer records are read from the first one; 1,000 unless told. */
  readonly shortLog?: number;
}

/** Records as PostgreSQL has them. */
export interface RecordSource extends EdgeRecords {
  /** From a sequence on, 1,000 at most. */
  recordsFrom(sequence: number): Promise<readonly { readonly record: Buffer; readonly leaf: Buffer }[]>;
  recordCount(): Promise<number>;
}

interface Pending {
  readonly size: number;
  readonly epoch: number;
  readonly root: Buffer;
  readonly tiles: readonly TileObject[];
  /** The newest key among its records signs it. */
  readonly publicKey: Buffer;
}

const SHORT_LOG = 1_000;

/**
 * Publishes what follows from each record: its tiles, a signed checkpoint, the anchor's copy. Everything is put
 * if absent and has the same bytes whoever makes it, so a crash or a second process changes nothing. Signs
 * nothing that is not an extension of the newest checkpoints of the store and of the anchor.
 */
export class CheckpointPublisher {
  readonly #deps: PublisherDeps;
  #tree = new CompactRange();
  #tiles = new TileBuilder();
  readonly #noteKeys: NoteKey[] = [];
  #pending: Pending[] = [];
  #published: PublishedCheckpoints | undefined;
  #signer: SigningKey | undefined;
  /** Once the log is not what was signed before, nothing more is signed until somebody has looked. */
  #contradicted: CairnError | undefined;
  #origin = '';
  /** Of the newest record. */
  #epoch = 0;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
  }

  /** Publishes all records that the source has. CORRUPT when they do not extend what is already signed. */
  async catchUp(records: RecordSource): Promise<void> {
    if (this.#contradicted !== undefined) throw this.#contradicted;
    if (this.#tree.size === 0) await this.#resume(records);
    for (;;) {
      const page = await records.recordsFrom(this.#tree.size);
      for (const { record, leaf } of page) await this.#append(record, leaf);
      await this.#drain();
      if (page.length === 0) return;
    }
  }

  /**
   * CORRUPT when the store, or the anchor in this epoch, has a checkpoint of more records than have been given:
   * some were lost. `anchor` false: an epoch is about to begin that says so.
   */
  checkNothingLost({ anchor } = { anchor: true }): void {
    const size = this.#tree.size;
    const published = this.#published;
    const ahead = (where: string, newest: number): CairnError =>
      new CairnError(
        'CORRUPT',
        `The ${where} has a checkpoint of ${newest} records, the log only ${size}.` +
          (where === 'anchor' ? ' After a loss that is known, cairn restore begins a new epoch.' : ''),
      );
    if (published === undefined) return;
    if (published.stored > size) throw ahead('store', published.stored);
    const anchored = published.anchored(this.#epoch);
    if (anchor && anchored > size) throw ahead('anchor', anchored);
  }

  /** A long log goes on from its newest checkpoint that is in both places, with the tree that its tiles hold. */
  async #resume(records: RecordSource): Promise<void> {
    const count = await records.recordCount();
    const [first] = await records.recordsFrom(0);
    if (first === undefined) return;
    const { objects, anchor } = this.#deps;
    this.#origin = uuidText(decodeRecord(first.record).log);
    this.#published = await PublishedCheckpoints.list({ objects, anchor }, this.#origin, count);
    if (count < (this.#deps.shortLog ?? SHORT_LOG)) return;
    const edge = await readEdge(objects, { records, published: this.#published, origin: this.#origin });
    if (edge === undefined) return;
    this.#tree = edge.tree;
    this.#tiles = edge.tiles;
    this.#epoch = edge.epoch;
    this.#noteKeys.push(...edge.noteKeys);
  }

  /** What the stores must be asked comes first: a store that is away must not leave half a record behind. */
  async #append(record: Buffer, leaf: Buffer): Promise<void> {
    const decoded = decodeRecord(record);
    const { epoch } = decoded;
    const size = this.#tree.size + 1;
    this.#origin = uuidText(decoded.log);
    const published = (this.#published ??= await this.#listPublished(size));
    await published.know(epoch);
    const notes = await published.notesOf({ epoch, size });
    this.#epoch = epoch;
    if (decoded.kind === 'key') this.#noteKeys.push({ name: this.#origin, publicKey: decoded.publicKey });
    const { publicKey } = this.#noteKeys.at(-1) ?? {};
    if (publicKey === undefined) throw new CairnError('CORRUPT', 'The log does not begin with a key record.');
    this.#tree.append(leaf);
    for (const one of notes) this.#compare(one, size);
    const done = published.stored >= size && published.anchored(epoch) >= size;
    const tiles = this.#tiles.append(record, leaf, !done);
    const root = this.#tree.root();
    if (!done) this.#pending.push({ size, epoch, root, tiles, publicKey });
  }

  #listPublished(count: number): Promise<PublishedCheckpoints> {
    const { objects, anchor } = this.#deps;
    return PublishedCheckpoints.list({ objects, anchor }, this.#origin, count);
  }

  #compare({ where, note }: { readonly where: string; readonly note: string }, size: number): void {
    const checkpoint = openCheckpoint(note, this.#noteKeys);
    if (checkpoint?.size === size && checkpoint.root.equals(this.#tree.root())) return;
    const what = `The checkpoint of ${size} records in the ${where}`;
    this.#contradicted = new CairnError('CORRUPT', `${what} is not one of this log.`);
    throw this.#contradicted;
  }

  /** In order; what fails is tried again by the next call. */
  async #drain(): Promise<void> {
    for (let next = this.#pending[0]; next !== undefined; next = this.#pending[0]) {
      await this.#publish(next);
      this.#pending.shift();
    }
  }

  async #publish({ size, epoch, root, tiles, publicKey }: Pending): Promise<void> {
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
    await this.#put(anchor, anchorKey(this.#origin, { epoch, size }), note);
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
