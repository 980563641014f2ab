import { leafHash, nodeHash } from '#journal/merkle/hash';

/** The leaves from `from` up to, not including, `to`. */
export interface LeafRange {
  readonly from: number;
  readonly to: number;
}

/** Root of the perfect subtree of 2^level leaves that is the `index`th of its level. */
export type SubtreeReader = (level: number, index: number) => Promise<Buffer>;

/** The largest power of two smaller than `n` (n >= 2): where RFC 6962 splits a tree. */
function splitOf(n: number): number {
  let split = 1;
  while (split * 2 < n) split *= 2;
  return split;
}

/** Whose roots make up the inclusion path of a leaf, from the leaf up (RFC 6962, section 2.1.1). */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  if (index < 0 || index >= size) throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  const ranges: LeafRange[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return ranges.toReversed();
}

/** Whose roots prove that the tree of `oldSize` is a prefix of that of `size` (RFC 6962, section 2.1.2). */
export function consistencyRanges(oldSize: number, size: number): LeafRange[] {
  if (oldSize < 0 || oldSize > size) throw new RangeError(`no tree of ${oldSize} in one of ${size}`);
  if (oldSize === 0 || oldSize === size) return [];
  const ranges: LeafRange[] = [];
  let from = 0;
  let to = size;
  let whole = true;
  while (oldSize !== to) {
    const middle = from + splitOf(to - from);
    if (oldSize <= middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
      whole = false;
    }
  }
  if (!whole) ranges.push({ from, to });
  return ranges.toReversed();
}

/** Root over a range of leaves that begins at a multiple of the power of two at or above its length. */
export async function rangeRoot(range: LeafRange, read: SubtreeReader): Promise<Buffer> {
  const { from, to } = range;
  const length = to - from;
  const level = Math.log2(length);
  if (Number.isInteger(level)) return read(level, from / length);
  const middle = from + splitOf(length);
  const left = await rangeRoot({ from, to: middle }, read);
  return nodeHash(left, await rangeRoot({ from: middle, to }, read));
}

/** Reads the subtrees of leaves that are all in memory, `count` hashes one after another. */
export function subtreesOf(leaves: Buffer): SubtreeReader {
  const read = (level: number, index: number): Buffer => {
    if (level === 0) return leaves.subarray(index * 32, index * 32 + 32);
    return nodeHash(read(level - 1, index * 2), read(level - 1, index * 2 + 1));
  };
  return (level, index) => Promise.resolve(read(level, index));
}

export async function inclusionPath(index: number, size: number, read: SubtreeReader): Promise<Buffer[]> {
  return Promise.all(inclusionRanges(index, size).map((range) => rangeRoot(range, read)));
}

export async function consistencyPath(oldSize: number, size: number, read: SubtreeReader): Promise<Buffer[]> {
  return Promise.all(consistencyRanges(oldSize, size).map((range) => rangeRoot(range, read)));
}

export interface InclusionClaim {
  /** The leaf's input, not its hash: a hash alone would let a node pass for a leaf. */
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly path: readonly Uint8Array[];
}

/** The root that the path leads to (RFC 9162, section 2.1.3.2); undefined when its length is not that of the tree. */
export function rootFromInclusion(claim: InclusionClaim): Buffer | undefined {
  const { leaf, index, size, path } = claim;
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size)
    return undefined;
  let node = index;
  let last = size - 1;
  let root = leafHash(leaf);
  for (const sibling of path) {
    if (last === 0 || sibling.length !== 32) return undefined;
    if (node % 2 === 1 || node === last) {
      root = nodeHash(sibling, root);
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      root = nodeHash(root, sibling);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? root : undefined;
}

export interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Whether `path` proves that the old tree is a prefix of the new one (RFC 9162, section 2.1.4.2). */
export function verifyConsistency(old: TreeHead, now: TreeHead, path: readonly Uint8Array[]): boolean {
  if (old.size < 1 || old.size > now.size) return false;
  if (old.size === now.size) return path.length === 0 && Buffer.compare(old.root, now.root) === 0;
  const steps = Number.isInteger(Math.log2(old.size)) ? [old.root, ...path] : [...path];
  const [seed, ...rest] = steps;
  if (seed === undefined || steps.some((step) => step.length !== 32)) return false;
  let node = old.size - 1;
  let last = now.size - 1;
  while (node % 2 === 1) {
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  let oldRoot: Uint8Array = seed;
  let newRoot: Uint8Array = seed;
  for (const step of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      oldRoot = nodeHash(step, oldRoot);
      newRoot = nodeHash(step, newRoot);
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      newRoot = nodeHash(newRoot, step);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && Buffer.compare(oldRoot, old.root) === 0 && Buffer.compare(newRoot, now.root) === 0;
}
