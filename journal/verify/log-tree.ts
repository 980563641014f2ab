import { CompactRange } from '#journal/merkle/compact-range';
import type { SignedRoot } from '#journal/verify/signed-heads';

/** What a leaf may be when the record itself does not lead to the signed root. */
export interface LeafCandidate {
  readonly leaf: Buffer;
  /** The record's own, or what a neighbour says it was. */
  readonly from: 'record' | 'tile' | 'next';
}

/** The log's tree as its objects give it, with damaged leaves taken from their neighbours where these agree. */
export class LogTree {
  #tree = new CompactRange();
  #leaves = Buffer.alloc(32 * 1024);

  get size(): number {
    return this.#tree.size;
  }

  /** All leaf hashes, 32 bytes each. */
  get leaves(): Buffer {
    return this.#leaves.subarray(0, this.size * 32);
  }

  /**
   * Appends the first candidate that leads to all signed roots, else the first; says which it was, and whether
   * it leads there. Without candidates appends zeroes: from there on nothing can be compared.
   */
  append(
    candidates: readonly LeafCandidate[],
    signed: readonly SignedRoot[],
  ): { from: LeafCandidate['from'] | undefined; agrees: boolean } {
    for (const { leaf, from } of candidates) {
      const tree = this.#tree.clone();
      tree.append(leaf);
      const root = tree.root();
      if (!signed.every((one) => one.root.equals(root))) continue;
      this.#take(tree, leaf);
      return { from, agrees: true };
    }
    const [first] = candidates;
    const leaf = first?.leaf ?? Buffer.alloc(32);
    this.#tree.append(leaf);
    this.#take(this.#tree, leaf);
    return { from: first?.from, agrees: false };
  }

  #take(tree: CompactRange, leaf: Buffer): void {
    const end = tree.size * 32;
    if (end > this.#leaves.length) {
      const grown = Buffer.alloc(this.#leaves.length * 2);
      this.#leaves.copy(grown);
      this.#leaves = grown;
    }
    leaf.copy(this.#leaves, end - 32);
    this.#tree = tree;
  }
}
