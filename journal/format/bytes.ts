import { hash } from 'node:crypto';
import { CairnError } from '#domain/errors';

const U32 = 0x1_0000_0000;

/** Writes an integer of up to 53 bits as a big-endian u64. */
export function writeU64(target: Buffer, value: number, offset: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a u64: ${value}`);
  target.writeUInt32BE(Math.floor(value / U32), offset);
  return target.writeUInt32BE(value % U32, offset + 4);
}

/** SHA-256 of `data` into `target` at `offset`. Three times faster than a digest in a Buffer of its own. */
export function hashInto(data: Uint8Array, target: Buffer, offset: number): void {
  target.write(hash('sha256', data, 'binary'), offset, 32, 'latin1');
}

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const [only] = parts;
  return hash('sha256', parts.length === 1 && only !== undefined ? only : Buffer.concat(parts), 'buffer');
}

/** Big-endian fields one after another, in a buffer that grows. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Room for `size` bytes at the end: the buffer and where they start. Valid until the next call. */
  reserve(size: number): { readonly buffer: Buffer; readonly offset: number } {
    const offset = this.#length;
    if (offset + size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(offset + size, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, offset);
      this.#bytes = grown;
    }
    this.#length = offset + size;
    return { buffer: this.#bytes, offset };
  }

  u8(value: number): this {
    const { buffer, offset } = this.reserve(1);
    buffer.writeUInt8(value, offset);
    return this;
  }

  u16(value: number): this {
    const { buffer, offset } = this.reserve(2);
    buffer.writeUInt16BE(value, offset);
    return this;
  }

  u32(value: number): this {
    const { buffer, offset } = this.reserve(4);
    buffer.writeUInt32BE(value, offset);
    return this;
  }

  u64(value: number): this {
    const { buffer, offset } = this.reserve(8);
    writeU64(buffer, value, offset);
    return this;
  }

  bytes(value: Uint8Array): this {
    const { buffer, offset } = this.reserve(value.length);
    buffer.set(value, offset);
    return this;
  }

  /** ASCII, without a length. */
  magic(value: string): this {
    return this.bytes(Buffer.from(value, 'latin1'));
  }

  str8(value: string): this {
    const utf8 = Buffer.from(value, 'utf8');
    return this.u8(utf8.length).bytes(utf8);
  }

  /** What was written; shares memory with the writer, which must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** Reads big-endian fields; whatever does not fit is CORRUPT, with `what` and the offset of the fault. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  readonly #base: number;
  #offset = 0;

  /** `base`: where `bytes` begin in the object, for the offsets in errors. */
  constructor(bytes: Buffer, what: string, base = 0) {
    this.#bytes = bytes;
    this.#what = what;
    this.#base = base;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  corrupt(message: string, at = this.#offset): CairnError {
    return new CairnError('CORRUPT', `${this.#what}: ${message} at byte ${this.#base + at}`);
  }

  #advance(size: number): number {
    const offset = this.#offset;
    if (size > this.#bytes.length - offset) {
      throw this.corrupt(`${size} bytes expected, ${this.#bytes.length - offset} left`);
    }
    this.#offset = offset + size;
    return offset;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  u64(): number {
    const offset = this.#advance(8);
    const value = this.#bytes.readUInt32BE(offset) * U32 + this.#bytes.readUInt32BE(offset + 4);
    if (!Number.isSafeInteger(value)) throw this.corrupt('number beyond 2^53', offset);
    return value;
  }

  /** A view of the next `size` bytes, not a copy. */
  bytes(size: number): Buffer {
    const offset = this.#advance(size);
    return this.#bytes.subarray(offset, offset + size);
  }

  /** A count of items of at least `itemSize` bytes each: bounded by what is left, before anyone allocates. */
  count(itemSize: number): number {
    const at = this.#offset;
    const count = this.u32();
    if (count * itemSize > this.remaining) throw this.corrupt(`${count} items do not fit`, at);
    return count;
  }

  magic(expected: string): void {
    const at = this.#offset;
    if (this.bytes(expected.length).toString('latin1') !== expected)
      throw this.corrupt(`no "${expected}"`, at);
  }

  /** A u8 that must have this value. */
  version(expected: number): void {
    const at = this.#offset;
    const found = this.u8();
    if (found !== expected) throw this.corrupt(`version ${found}, not ${expected},`, at);
  }

  str8(): string {
    return this.bytes(this.u8()).toString('utf8');
  }

  /** Nothing may follow. */
  end(): void {
    if (this.remaining !== 0) throw this.corrupt(`${this.remaining} bytes too many`);
  }
}
