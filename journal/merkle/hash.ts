import { hash } from 'node:crypto';
import { hashInto } from '#journal/format/bytes';

/** Bytes of every hash in the trees: SHA-256. */
export const HASH_BYTES = 32;

/** Root of the tree without leaves (RFC 6962, section 2.1). */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer');

/** `H(00 || input)`: RFC 6962, section 2.1. */
export function leafHash(input: Uint8Array): Buffer {
  const tagged = Buffer.allocUnsafe(1 + input.length);
  tagged.writeUInt8(0, 0);
  tagged.set(input, 1);
  return hash('sha256', tagged, 'buffer');
}

/** `H(01 || left || right)`: RFC 6962, section 2.1. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const tagged = Buffer.allocUnsafe(1 + 2 * HASH_BYTES);
  tagged.writeUInt8(1, 0);
  tagged.set(left, 1);
  tagged.set(right, 1 + HASH_BYTES);
  return hash('sha256', tagged, 'buffer');
}

/** Leaf hashes of many short inputs without a Buffer each; holds scratch memory, not for sharing. */
export class LeafHasher {
  #scratch = Buffer.alloc(1024);

  /** `H(00 || input)` into 32 bytes of `target`. */
  into(input: Uint8Array, target: Buffer, offset: number): void {
    const size = 1 + input.length;
    if (size > this.#scratch.length) this.#scratch = Buffer.alloc(size * 2);
    this.#scratch.writeUInt8(0, 0);
    this.#scratch.set(input, 1);
    hashInto(this.#scratch.subarray(0, size), target, offset);
  }
}
