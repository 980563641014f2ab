import { ByteReader } from '#journal/format/bytes';
import { CompactRange } from '#journal/merkle/compact-range';
import { HASH_BYTES } from '#journal/merkle/hash';
import type { SubtreeReader } from '#journal/merkle/proof';
import { CairnError } from '#domain/errors';
import type { ObjectReader } from '#platform/objects/object-store';

/** Hashes, or entries, of a full tile (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;
const LEVELS_PER_TILE = 8;

/** A tile, or bundle of entries, of a tree. */
export interface TilePlace {
  readonly level: number | 'entries';
  readonly index: number;
  /** 1 to 256; less than 256 is a partial tile. */
  readonly width: number;
}

export interface TileObject extends TilePlace {
  readonly bytes: Buffer;
}

/** `tile/<level>/<index>` with `.p/<width>` for a partial one; 1234067 is written `x001/x234/067`. */
export function tileKey(place: TilePlace): string {
  const groups = [String(place.index % 1000).padStart(3, '0')];
  for (let rest = Math.floor(place.index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`);
  }
  const partial = place.width < TILE_WIDTH ? `.p/${place.width}` : '';
  return `tile/${place.level}/${groups.join('/')}${partial}`;
}

/** Undefined when it is not such a key, to the letter. */
export function parseTileKey(key: string): TilePlace | undefined {
  const match = /^tile\/(\d{1,2}|entries)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/.exec(key);
  if (match === null) return undefined;
  const [, level = '', groups = '', partial] = match;
  const place = {
    level: level === 'entries' ? ('entries' as const) : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width: partial === undefined ? TILE_WIDTH : Number(partial),
  };
  return tileKey(place) === key && place.width > 0 ? place : undefined;
}

/** An entry bundle: each record after its length as u16. */
export function encodeBundle(records: readonly Buffer[]): Buffer {
  return Buffer.concat(
    records.flatMap((record) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(record.length);
      return [length, record];
    }),
  );
}

/**
 * The right edge of the log's tree as tiles: what a record adds is written, what a full tile replaces can go.
 * Records must be given from the first on.
 */
export class TileBuilder {
  /** The hashes of the tile that grows, at each level. */
  readonly #levels: Buffer[][] = [];
  #records: Buffer[] = [];
  #size = 0;

  /** A builder that goes on where the log's first `size` records end. */
  static at(size: number, edge: RightEdge): TileBuilder {
    const builder = new TileBuilder();
    builder.#size = size;
    builder.#records = [...edge.records];
    builder.#levels.push(...edge.levels.map((hashes) => [...hashes]));
    return builder;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Adds a record and returns the tiles that the tree of the new size has and the one before had not; none when
   * nobody will write them.
   */
  append(record: Buffer, leaf: Buffer, wanted = true): readonly TileObject[] {
    const index = Math.floor(this.#size / TILE_WIDTH);
    this.#size++;
    this.#records.push(record);
    const tiles: TileObject[] = [];
    const add = (place: TilePlace, bytes: () => Buffer): void => {
      if (wanted) tiles.push({ ...place, bytes: bytes() });
    };
    const { length } = this.#records;
    add({ level: 'entries', index, width: length }, () => encodeBundle(this.#records));
    if (length === TILE_WIDTH) this.#records = [];
    this.#push({ level: 0, index }, Buffer.from(leaf), add);
    return tiles;
  }

  #push(
    at: { readonly level: number; readonly index: number },
    hash: Buffer,
    add: (place: TilePlace, bytes: () => Buffer) => void,
  ): void {
    const { level, index } = at;
    const hashes = (this.#levels[level] ??= []);
    hashes.push(hash);
    add({ level, index, width: hashes.length }, () => Buffer.concat(hashes));
    if (hashes.length < TILE_WIDTH) return;
    const range = new CompactRange();
    for (const one of hashes) range.append(one);
    this.#levels[level] = [];
    this.#push({ level: level + 1, index: Math.floor(index / TILE_WIDTH) }, range.root(), add);
  }
}

/** The tiles that grow, of a log of some size. */
export interface RightEdge {
  /** Hashes by level. */
  readonly levels: readonly (readonly Buffer[])[];
  readonly records: readonly Buffer[];
}

/** CORRUPT when a tile is missing or cut. */
export async function readRightEdge(objects: ObjectReader, size: number): Promise<RightEdge> {
  const levels: Buffer[][] = [];
  for (let hashes = size, level = 0; hashes > 0; hashes = Math.floor(hashes / TILE_WIDTH), level++) {
    const width = hashes % TILE_WIDTH;
    const place = { level, index: Math.floor(hashes / TILE_WIDTH), width };
    const bytes = width === 0 ? Buffer.alloc(0) : await readTile(objects, place);
    levels.push(
      Array.from({ length: width }, (_, at) => bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)),
    );
  }
  const width = size % TILE_WIDTH;
  return {
    levels,
    records: width === 0 ? [] : await readBundle(objects, Math.floor(size / TILE_WIDTH), width),
  };
}

async function readBundle(objects: ObjectReader, index: number, width: number): Promise<Buffer[]> {
  const place = { level: 'entries' as const, index, width };
  const bytes =
    (await objects.get(tileKey(place))) ?? (await objects.get(tileKey({ ...place, width: TILE_WIDTH })));
  if (bytes === undefined) throw new CairnError('CORRUPT', `${tileKey(place)} is missing`);
  const reader = new ByteReader(bytes, 'entry bundle');
  return Array.from({ length: width }, () => reader.bytes(reader.u16()));
}

/** Reads subtrees of a log of `size` records from its tiles; CORRUPT when one is missing or too short. */
export function tileSubtrees(objects: ObjectReader, size: number): SubtreeReader {
  const cache = new Map<string, Promise<Buffer>>();
  const tile = (level: number, index: number): Promise<Buffer> => {
    const hashes = Math.floor(size / TILE_WIDTH ** level);
    const width = Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH);
    const key = tileKey({ level, index, width });
    const found = cache.get(key) ?? readTile(objects, { level, index, width });
    if (cache.size >= 64) cache.clear();
    cache.set(key, found);
    return found;
  };
  return async (level, index) => {
    const tileLevel = Math.floor(level / LEVELS_PER_TILE);
    const leaves = 2 ** (level % LEVELS_PER_TILE);
    const first = index * leaves;
    const bytes = await tile(tileLevel, Math.floor(first / TILE_WIDTH));
    const range = new CompactRange();
    for (let at = first % TILE_WIDTH; range.size < leaves; at++) range.append(bytes, at * HASH_BYTES);
    return range.root();
  };
}

/** A partial tile may have been replaced by a wider one since. */
async function readTile(objects: ObjectReader, place: TilePlace): Promise<Buffer> {
  const bytes =
    (await objects.get(tileKey(place))) ?? (await objects.get(tileKey({ ...place, width: TILE_WIDTH })));
  if (bytes === undefined || bytes.length < place.width * HASH_BYTES) {
    throw new CairnError('CORRUPT', `${tileKey(place)} is missing or cut`);
  }
  return bytes.subarray(0, place.width * HASH_BYTES);
}
