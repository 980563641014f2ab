import { CairnError } from '#domain/errors';
import { decodeLogObjectHead, LOG_OBJECT_HEAD_BYTES } from '#journal/format/log-object';
import { recordLeaf } from '#journal/format/record';
import { TILE_WIDTH, TileBuilder, tileKey, type TileObject } from '#journal/tiles';
import type { ObjectStore } from '#platform/objects/object-store';

/** Where the objects of a log's records lie, in order. */
export type RecordKeys = Iterable<string>;

/**
 * Writes the tiles that a log of these records has: a backup holds none, because everything in them is in the
 * records. Tiles that are there stay.
 */
export async function rebuildTiles(objects: ObjectStore, keys: RecordKeys): Promise<void> {
  const builder = new TileBuilder();
  /** Partial tiles, which a full one makes needless. */
  const partial = new Map<string, TileObject[]>();
  for (const key of keys) {
    const start = await objects.get(key, { offset: 0, length: LOG_OBJECT_HEAD_BYTES });
    if (start === undefined) throw new CairnError('CORRUPT', `${key} is missing.`);
    const { record } = decodeLogObjectHead(start);
    for (const tile of builder.append(record, recordLeaf(record))) {
      const level = String(tile.level);
      if (tile.width < TILE_WIDTH) {
        partial.set(level, [...(partial.get(level) ?? []), tile]);
        continue;
      }
      partial.delete(level);
      await objects.putIfAbsent(tileKey(tile), tile.bytes);
    }
  }
  for (const tiles of partial.values()) {
    for (const tile of tiles) await objects.putIfAbsent(tileKey(tile), tile.bytes);
  }
}
