import { CairnError } from '#domain/errors';
import { anchorKey, checkpointKey, openCheckpoint } from '#journal/checkpoint';
import { decodeRecord, recordLeaf } from '#journal/format/record';
import { CompactRange } from '#journal/merkle/compact-range';
import type { NoteKey } from '#journal/note';
import type { PublishedCheckpoints } from '#journal/published-checkpoints';
import { readRightEdge, TileBuilder, tileSubtrees } from '#journal/tiles';
import { corruptAsUndefined } from '#journal/verify/log-walk';
import type { ObjectReader } from '#platform/objects/object-store';

/** What of the records' rows is needed to go on in the middle. */
export interface EdgeRecords {
  recordsFrom(sequence: number): Promise<readonly { readonly record: Buffer; readonly leaf: Buffer }[]>;
  recordCount(): Promise<number>;
  /** All records that name a signing key, oldest first. */
  keyRecords(): Promise<readonly Buffer[]>;
}

/** The log's tree at the size of a checkpoint, to append to. */
export interface TreeEdge {
  readonly tree: CompactRange;
  readonly tiles: TileBuilder;
  /** Of the newest record in it. */
  readonly epoch: number;
  readonly noteKeys: readonly NoteKey[];
}

/**
 * The tree at the newest checkpoint that store and anchor both have, out of the tiles, so that a start need not
 * read every record. Undefined when there is none, or anything does not fit: then all records are read, and
 * whatever is wrong comes out.
 */
export async function readEdge(
  objects: ObjectReader,
  log: {
    readonly records: EdgeRecords;
    readonly published: PublishedCheckpoints;
    readonly origin: string;
  },
): Promise<TreeEdge | undefined> {
  const { records, published, origin } = log;
  const count = await records.recordCount();
  const [last] = await records.recordsFrom(count - 1);
  if (last === undefined) return undefined;
  const { epoch } = decodeRecord(last.record);
  await published.know(epoch);
  const size = Math.min(count, published.stored, published.anchored(epoch));
  const [newest] = size === 0 ? [] : await records.recordsFrom(size - 1);
  const sealed = newest && corruptAsUndefined(() => decodeRecord(newest.record));
  if (newest === undefined || sealed?.epoch !== epoch || !recordLeaf(newest.record).equals(newest.leaf))
    return undefined;
  const edge = await readTree(objects, size);
  const noteKeys = (await records.keyRecords()).flatMap((bytes) => {
    const record = decodeRecord(bytes);
    const signs = record.kind === 'key' && record.sequence < size;
    return signs ? [{ name: origin, publicKey: record.publicKey }] : [];
  });
  const note = (await objects.get(checkpointKey(size)))?.toString('utf8') ?? '';
  const checkpoint = openCheckpoint(note, noteKeys.slice(-1));
  const same =
    edge?.lastLeaf.equals(newest.leaf) === true &&
    checkpoint?.size === size &&
    checkpoint.root.equals(edge.tree.root()) &&
    (await published.hasAnchored(anchorKey(origin, { epoch, size }), note));
  return same ? { tree: edge.tree, tiles: edge.tiles, epoch, noteKeys } : undefined;
}

async function readTree(
  objects: ObjectReader,
  size: number,
): Promise<{ tree: CompactRange; tiles: TileBuilder; lastLeaf: Buffer } | undefined> {
  try {
    const subtree = tileSubtrees(objects, size);
    const roots = new Map<number, Buffer>();
    for (let level = 0, rest = size; rest > 0; level++, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) roots.set(level, await subtree(level, rest - 1));
    }
    const tree = CompactRange.ofRoots(size, roots);
    const edge = await readRightEdge(objects, size);
    // The hashes hang on the signed root; the records in the bundle only on these.
    const whole = edge.records.every((record, at) => edge.levels[0]?.[at]?.equals(recordLeaf(record)));
    if (!whole) return undefined;
    const tiles = TileBuilder.at(size, edge);
    return { tree, tiles, lastLeaf: await subtree(0, size - 1) };
  } catch (error) {
    if (error instanceof CairnError && error.code === 'CORRUPT') return undefined;
    throw error;
  }
}
