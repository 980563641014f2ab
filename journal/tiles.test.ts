import { beforeAll, describe, expect, it } from 'vitest';
import { CompactRange } from '#journal/merkle/compact-range';
import { leafHash } from '#journal/merkle/hash';
import { consistencyPath, inclusionPath, rootFromInclusion, verifyConsistency } from '#journal/merkle/proof';
import { parseTileKey, TileBuilder, tileKey, tileSubtrees, TILE_WIDTH } from '#journal/tiles';
import { Findings } from '#journal/verify/finding';
import { checkTiles } from '#journal/verify/tiles-check';
import { MemoryObjects } from '#test/memory-objects';

/** Three levels of tiles, the last tile of each not full. */
const SIZE = 256 * 256 + 2 * 256 + 3;

/** The ends of tiles, before and after. */
const SIZES = new Set([1, 2, 255, 256, 257, 65_536, 65_537, SIZE]);

const store = new MemoryObjects();
/** By size. */
const roots = new Map<number, Buffer>();
let leaves = Buffer.alloc(0);

function record(sequence: number): Buffer {
  return Buffer.from(`record ${sequence}`);
}

/** As the publisher does: a full tile replaces its partial ones. */
beforeAll(() => {
  const builder = new TileBuilder();
  const tree = new CompactRange();
  const all: Buffer[] = [];
  for (let sequence = 0; sequence < SIZE; sequence++) {
    const leaf = leafHash(record(sequence));
    all.push(leaf);
    // The partial tiles in between would only be deleted again.
    const wanted = (sequence + 1) % TILE_WIDTH === 0 || sequence >= SIZE - 3;
    for (const tile of builder.append(record(sequence), leaf, wanted)) {
      store.objects.set(tileKey(tile), tile.bytes);
      if (tile.width < TILE_WIDTH || tile.level === 0 || tile.level === 'entries') continue;
      for (let width = 1; width < TILE_WIDTH; width++) store.objects.delete(tileKey({ ...tile, width }));
    }
    tree.append(leaf);
    if (SIZES.has(tree.size)) roots.set(tree.size, tree.root());
  }
  leaves = Buffer.concat(all);
});

async function problems(objects: MemoryObjects): Promise<string[]> {
  const findings = new Findings();
  await checkTiles(objects, { leaves, signed: SIZE }, findings);
  return findings.list.map(({ kind, where }) => `${kind} ${where}`);
}

describe('tiles', () => {
  it('have the names of C2SP tlog-tiles, and no others', () => {
    expect(tileKey({ level: 0, index: 1234067, width: 256 })).toBe('tile/0/x001/x234/067');
    expect(tileKey({ level: 1, index: 0, width: 7 })).toBe('tile/1/000.p/7');
    expect(tileKey({ level: 'entries', index: 1000, width: 256 })).toBe('tile/entries/x001/000');
    for (const key of ['tile/0/x001/x234/067', 'tile/1/000.p/7', 'tile/entries/x001/000']) {
      const place = parseTileKey(key);
      expect(place && tileKey(place)).toBe(key);
    }
    for (const key of [
      'tile/00/000',
      'tile/0/0',
      'tile/0/000.p/0',
      'tile/0/000.p/256',
      'tile/0/x000/000',
      'tile/x/000',
    ]) {
      expect(parseTileKey(key)).toBeUndefined();
    }
  });

  it('give proofs of leaves and of older logs, at the newest size and at older ones', async () => {
    for (const size of SIZES) {
      const read = tileSubtrees(store, size);
      const root = roots.get(size) ?? Buffer.alloc(0);
      for (const index of [0, Math.floor(size / 3), size - 1]) {
        const path = await inclusionPath(index, size, read);
        expect(rootFromInclusion({ leaf: record(index), index, size, path })).toEqual(root);
      }
      for (const old of SIZES) {
        if (old > size) continue;
        const path = await consistencyPath(old, size, read);
        expect(
          verifyConsistency({ size: old, root: roots.get(old) ?? Buffer.alloc(0) }, { size, root }, path),
        ).toBe(true);
      }
    }
  });

  it('stand verification; what is changed, lost or added does not', async () => {
    expect(await problems(store)).toEqual([]);
    for (const key of ['tile/0/003', 'tile/1/000', 'tile/2/000.p/1', 'tile/0/258.p/2', 'tile/entries/001']) {
      const copy = store.clone();
      const bytes = Buffer.from(copy.objects.get(key) ?? Buffer.alloc(0));
      bytes.writeUInt8(bytes.readUInt8(5) ^ 1, 5);
      copy.objects.set(key, bytes);
      expect(await problems(copy)).toEqual([`tampered objects:${key}`]);
      copy.objects.delete(key);
      expect(await problems(copy)).toEqual([`missing objects:${key}`]);
    }
    const added = store.clone();
    added.objects.set('tile/3/000.p/1', Buffer.alloc(32));
    expect(await problems(added)).toEqual(['tampered objects:tile/3/000.p/1']);
  });

  it('may still have a partial tile that a crash left beside the full one, if it is true', async () => {
    const copy = store.clone();
    copy.objects.set('tile/0/001.p/7', leaves.subarray(256 * 32, (256 + 7) * 32));
    expect(await problems(copy)).toEqual([]);
    copy.objects.set('tile/0/001.p/8', leaves.subarray(256 * 32, (256 + 7) * 32));
    expect(await problems(copy)).toEqual(['tampered objects:tile/0/001.p/8']);
  });
});
