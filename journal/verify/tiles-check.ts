import { ByteReader } from '#journal/format/bytes';
import { CompactRange } from '#journal/merkle/compact-range';
import { leafHash } from '#journal/merkle/hash';
import { parseTileKey, TILE_WIDTH, tileKey, type TilePlace } from '#journal/tiles';
import { CairnError } from '#domain/errors';
import type { Findings } from '#journal/verify/finding';
import type { ObjectReader } from '#platform/objects/object-store';

/**
 * Checks all tiles against the leaves of the log, 32 bytes each. `signed`: the size of the newest checkpoint;
 * up to it every tile must be there.
 */
export async function checkTiles(
  objects: ObjectReader,
  log: { readonly leaves: Buffer; readonly signed: number },
  findings: Findings,
): Promise<void> {
  const levels = hashLevels(log.leaves);
  const seen = new Set<string>();
  for await (const key of objects.list('tile/')) {
    const place = parseTileKey(key);
    const hashes = place === undefined ? undefined : hashesOf(levels, place);
    if (place === undefined || hashes === undefined) {
      findings.tampered(`objects:${key}`, 'not a tile of this log');
      continue;
    }
    seen.add(key);
    const bytes = await objects.get(key);
    const found = bytes === undefined ? undefined : place.level === 'entries' ? entryHashes(bytes) : bytes;
    if (found?.equals(hashes) === true) continue;
    findings.tampered(`objects:${key}`, "not the hashes of the log's records");
  }
  for (const place of expectedTiles(log.signed)) {
    const key = tileKey(place);
    const full = tileKey({ ...place, width: TILE_WIDTH });
    if (!seen.has(key) && !seen.has(full)) findings.missing(`objects:${key}`, 'a tile is missing');
  }
}

/** All hashes of the tile levels: every 256 of one give one of the next. */
function hashLevels(leaves: Buffer): Buffer[] {
  const levels = [leaves];
  for (let below = leaves; below.length >= TILE_WIDTH * 32;) {
    const count = Math.floor(below.length / 32 / TILE_WIDTH);
    const level = Buffer.alloc(count * 32);
    const range = new CompactRange();
    for (let index = 0; index < count; index++) {
      range.reset();
      for (let at = 0; at < TILE_WIDTH; at++) range.append(below, (index * TILE_WIDTH + at) * 32);
      range.root().copy(level, index * 32);
    }
    levels.push(level);
    below = level;
  }
  return levels;
}

function hashesOf(levels: readonly Buffer[], place: TilePlace): Buffer | undefined {
  const level = levels[place.level === 'entries' ? 0 : place.level];
  const from = place.index * TILE_WIDTH * 32;
  const to = from + place.width * 32;
  return level === undefined || to > level.length ? undefined : level.subarray(from, to);
}

function entryHashes(bundle: Buffer): Buffer | undefined {
  const reader = new ByteReader(bundle, 'entry bundle');
  const hashes: Buffer[] = [];
  try {
    while (reader.remaining > 0) hashes.push(leafHash(reader.bytes(reader.u16())));
  } catch (error) {
    if (error instanceof CairnError) return undefined;
    throw error;
  }
  return Buffer.concat(hashes);
}

/** Tiles of the tree of each size up to `signed`; a partial one that has become full is given as partial too. */
function* expectedTiles(signed: number): Generator<TilePlace> {
  for (let count = signed, level = 0; count > 0; count = Math.floor(count / TILE_WIDTH), level++) {
    const full = Math.floor(count / TILE_WIDTH);
    for (let index = 0; index <= full; index++) {
      const widest = index < full ? TILE_WIDTH : count % TILE_WIDTH;
      const narrowest = index < full ? TILE_WIDTH : 1;
      for (let width = narrowest; width <= widest; width++) {
        yield { level, index, width };
        if (level === 0) yield { level: 'entries', index, width };
      }
    }
  }
}
