import { hashInto } from '#journal/format/bytes';
import { EMPTY_ROOT, HASH_BYTES } from '#journal/merkle/hash';

/** Levels of a tree with 2^53 leaves, which is as far as a number counts. */
const LEVELS = 54;

/**
 * A growing tree after RFC 6962 of which only the right edge is kept: the roots of its perfect subtrees,
 * one for each bit set in `size`. Appending costs one node hash on average.
 */
export class CompactRange {
  /** The perfect subtree of 2^level leaves at `level * 32`; meaningful when that bit of the size is set. */
  readonly #edge = Buffer.alloc(LEVELS * HASH_BYTES);
  /** `01 || left || right`. */
  readonly #node = Buffer.alloc(1 + 2 * HASH_BYTES);
  #size = 0;

  constructor() {
    this.#node.writeUInt8(1, 0);
  }

  /** The tree of this size whose perfect subtrees, one for each bit of the size, have these roots by level. */
  static ofRoots(size: number, roots: ReadonlyMap<number, Buffer>): CompactRange {
    const tree = new CompactRange();
    for (const [level, root] of roots) root.copy(tree.#edge, level * HASH_BYTES, 0, HASH_BYTES);
    tree.#size = size;
    return tree;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds the leaf hash that lies at `offset` of `hashes`. */
  append(hashes: Buffer, offset = 0): void {
    const right = 1 + HASH_BYTES;
    hashes.copy(this.#node, right, offset, offset + HASH_BYTES);
    let level = 0;
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      this.#edge.copy(this.#node, 1, level * HASH_BYTES, (level + 1) * HASH_BYTES);
      hashInto(this.#node, this.#node, right);
      level++;
    }
    this.#node.copy(this.#edge, level * HASH_BYTES, right, right + HASH_BYTES);
    this.#size++;
  }

  /** Back to the empty tree. */
  reset(): void {
    this.#size = 0;
  }

  root(): Buffer {
    const root = Buffer.from(EMPTY_ROOT);
    let found = false;
    let level = 0;
    for (let rest = this.#size; rest > 0; rest = Math.floor(rest / 2), level++) {
      if (rest % 2 === 0) continue;
      this.#edge.copy(found ? this.#node : root, found ? 1 : 0, level * HASH_BYTES, (level + 1) * HASH_BYTES);
      if (found) {
        root.copy(this.#node, 1 + HASH_BYTES);
        hashInto(this.#node, root, 0);
      }
      found = true;
    }
    return root;
  }

  /** The same tree, to grow apart from this one. */
  clone(): CompactRange {
    const copy = new CompactRange();
    this.#edge.copy(copy.#edge);
    copy.#size = this.#size;
    return copy;
  }
}
