import { createCipheriv, createDecipheriv, randomFillSync, type KeyObject } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { CairnError } from '#domain/errors';
import { ByteReader, hashInto, writeU64 } from '#journal/format/bytes';

/** Raw bytes after which a frame is closed. A single event may be larger and then fills a frame alone. */
export const FRAME_BYTES = 64 * 1024;
/** Nothing that Cairn writes is near it; what claims more is not decompressed. */
const MAX_PLAIN_BYTES = 32 * 1024 * 1024;

const SUITE = 1;
const HEADER = 48;
const NONCE = 12;
const TAG = 16;
const RUN = 40;
const REDACTED = 0x8000_0000;

/** Codecs of a frame's plaintext. */
export const CODEC_NONE = 0;
export const CODEC_ZSTD = 1;

/** The key of an account's month: its id (16 bytes) and the AES-256 key (32 bytes; a KeyObject is faster). */
export interface FrameKey {
  readonly id: Buffer;
  readonly secret: Buffer | KeyObject;
}

/** Whose frame it is; part of what the encryption authenticates. */
export interface FrameOwner {
  /** UUID of the log, 16 bytes. */
  readonly log: Buffer;
  /** The twelve digits as a number. */
  readonly account: number;
}

export interface FrameHeader {
  readonly codec: number;
  readonly dictionary: number;
  readonly keyId: Buffer;
  readonly frameId: Buffer;
  readonly count: number;
  readonly plainLength: number;
}

/** Events of one frame that share a seed: the salt of event j of the run is that of `firstIndex + j`. */
export interface FrameRun {
  readonly seed: Buffer;
  readonly firstIndex: number;
  readonly count: number;
}

/** Hashes of one frame's events as it is built and when it is proven; holds scratch memory, not for sharing. */
export class Commitments {
  /** `10 || seed || index`, section 1. */
  readonly #salt = Buffer.alloc(37);
  /** `11 || salt || bytes`. */
  #input: Buffer = Buffer.alloc(16 * 1024);

  constructor() {
    this.#salt.writeUInt8(0x10, 0);
  }

  /** The salt of the event at `index` of a run, into 32 bytes of `target`. */
  salt(seed: Buffer, index: number, target: Buffer, offset: number): void {
    this.#salt.set(seed, 1);
    this.#salt.writeUInt32BE(index, 33);
    hashInto(this.#salt, target, offset);
  }

  /** The commitment of the event at `index` of a run, into 32 bytes of `target`. */
  commit(
    run: { readonly seed: Buffer; readonly index: number },
    event: Buffer,
    target: Buffer,
    offset: number,
  ): void {
    const input = this.#room(33 + event.length);
    input.writeUInt8(0x11, 0);
    this.salt(run.seed, run.index, input, 1);
    input.set(event, 33);
    hashInto(input.subarray(0, 33 + event.length), target, offset);
  }

  /** The commitment that a known salt gives: what a verifier of a proof computes. */
  withSalt(salt: Buffer, event: Buffer): Buffer {
    const input = this.#room(33 + event.length);
    input.writeUInt8(0x11, 0);
    input.set(salt, 1);
    input.set(event, 33);
    const commitment = Buffer.alloc(32);
    hashInto(input.subarray(0, 33 + event.length), commitment, 0);
    return commitment;
  }

  #room(size: number): Buffer {
    if (this.#input.length < size) this.#input = Buffer.alloc(size * 2);
    return this.#input;
  }
}

export function newSeed(): Buffer {
  return randomFillSync(Buffer.alloc(32));
}

/** The plaintext of a frame: its runs, then the events' lengths, then their bytes. */
export function encodePlain(runs: readonly FrameRun[], events: readonly Buffer[]): Buffer {
  let size = 4 + runs.length * RUN + events.length * 4;
  for (const event of events) size += event.length;
  const plain = Buffer.allocUnsafe(size);
  let offset = plain.writeUInt32BE(runs.length, 0);
  for (const run of runs) {
    plain.set(run.seed, offset);
    plain.writeUInt32BE(run.firstIndex, offset + 32);
    offset = plain.writeUInt32BE(run.count, offset + 36);
  }
  for (const event of events) offset = plain.writeUInt32BE(event.length, offset);
  for (const event of events) {
    plain.set(event, offset);
    offset += event.length;
  }
  return plain;
}

/** Fixed values for test vectors; in the product both are random. */
export interface FrameRandomness {
  readonly frameId: Buffer;
  readonly nonce: Buffer;
}

function freshRandomness(): FrameRandomness {
  const random = randomFillSync(Buffer.alloc(16 + NONCE));
  return { frameId: random.subarray(0, 16), nonce: random.subarray(16) };
}

/**
 * Compresses with zstd 3 and encrypts. Synchronous on purpose: 0.1 ms for 64 KB of real records, where the
 * thread pool took 0.6 to 1.0 ms of CPU for the same (each call maps and faults its memory anew).
 */
export function sealFrame(
  owner: FrameOwner,
  key: FrameKey,
  content: { readonly plain: Buffer; readonly count: number },
  random: FrameRandomness = freshRandomness(),
): Buffer {
  const { plain, count } = content;
  const packed = zstdCompressSync(plain, {
    params: { [constants.ZSTD_c_compressionLevel]: 3 },
    pledgedSrcSize: plain.length,
    chunkSize: Math.max(16 * 1024, Math.min(plain.length, 64 * 1024)),
  });
  const codec = packed.length < plain.length ? CODEC_ZSTD : CODEC_NONE;
  const body = codec === CODEC_ZSTD ? packed : plain;
  const stored = Buffer.allocUnsafe(HEADER + NONCE + body.length + TAG);
  stored.write('CF', 0, 'latin1');
  stored.writeUInt8(1, 2);
  stored.writeUInt8(codec, 3);
  stored.writeUInt32BE(0, 4);
  stored.set(key.id, 8);
  stored.set(random.frameId, 24);
  stored.writeUInt32BE(count, 40);
  stored.writeUInt32BE(plain.length, 44);
  stored.set(random.nonce, HEADER);
  const cipher = createCipheriv('aes-256-gcm', key.secret, random.nonce);
  cipher.setAAD(additionalData(owner, stored));
  stored.set(cipher.update(body), HEADER + NONCE);
  cipher.final();
  stored.set(cipher.getAuthTag(), stored.length - TAG);
  return stored;
}

function additionalData(owner: FrameOwner, stored: Buffer): Buffer {
  const data = Buffer.allocUnsafe(25 + HEADER);
  data.writeUInt8(SUITE, 0);
  data.set(owner.log, 1);
  writeU64(data, owner.account, 17);
  data.set(stored.subarray(0, HEADER), 25);
  return data;
}

/** CORRUPT when these are not the bytes of a frame. */
export function decodeFrameHeader(stored: Buffer): FrameHeader {
  const reader = new ByteReader(stored, 'frame');
  reader.magic('CF');
  reader.version(1);
  const header = {
    codec: reader.u8(),
    dictionary: reader.u32(),
    keyId: reader.bytes(16),
    frameId: reader.bytes(16),
    count: reader.u32(),
    plainLength: reader.u32(),
  };
  if (header.codec > CODEC_ZSTD) throw reader.corrupt(`codec ${header.codec}`, 3);
  if (header.dictionary !== 0) throw reader.corrupt(`dictionary ${header.dictionary}`, 4);
  if (header.plainLength > MAX_PLAIN_BYTES) throw reader.corrupt(`${header.plainLength} plain bytes`, 44);
  reader.bytes(NONCE + TAG);
  return header;
}

/** Decrypts and unpacks; CORRUPT when the key, the owner or any byte is not the one that it was written with. */
export function openFrame(stored: Buffer, owner: FrameOwner, key: FrameKey): OpenFrame {
  const header = decodeFrameHeader(stored);
  const plain = unpack(header, decrypt(stored, owner, key));
  if (plain.length !== header.plainLength) throw new CairnError('CORRUPT', 'frame: plain length differs');
  return new OpenFrame(header.count, plain);
}

function decrypt(stored: Buffer, owner: FrameOwner, key: FrameKey): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key.secret, stored.subarray(HEADER, HEADER + NONCE), {
    authTagLength: TAG,
  });
  decipher.setAAD(additionalData(owner, stored));
  decipher.setAuthTag(stored.subarray(stored.length - TAG));
  const body = decipher.update(stored.subarray(HEADER + NONCE, stored.length - TAG));
  try {
    decipher.final();
  } catch (cause) {
    throw new CairnError('CORRUPT', 'frame: authentication failed', { cause });
  }
  return body;
}

function unpack(header: FrameHeader, body: Buffer): Buffer {
  if (header.codec === CODEC_NONE) return body;
  try {
    return zstdDecompressSync(body, {
      maxOutputLength: Math.max(1, header.plainLength),
      chunkSize: Math.max(64, Math.min(header.plainLength + 1, MAX_PLAIN_BYTES)),
    });
  } catch (cause) {
    throw new CairnError('CORRUPT', 'frame: cannot be decompressed', { cause });
  } finally {
    release(body);
  }
}

/** V8 counts a large buffer until its next collection, and collects everything sooner for it. */
function release({ buffer, byteLength }: Buffer): void {
  // A small buffer shares its memory with others; it is never more than half of it.
  if (buffer instanceof ArrayBuffer && byteLength > buffer.byteLength / 2) buffer.transfer(0);
}

/** A frame's events, in the clear. */
export class OpenFrame {
  readonly count: number;
  readonly runs: readonly FrameRun[];
  /** Bytes in memory, for caches. */
  readonly size: number;
  readonly #plain: Buffer;
  /** Where each event begins; one more than there are events. */
  readonly #starts: Uint32Array;

  constructor(count: number, plain: Buffer) {
    const reader = new ByteReader(plain, 'frame plaintext');
    const runs: FrameRun[] = [];
    let covered = 0;
    for (let n = reader.count(RUN); n > 0; n--) {
      const run = { seed: reader.bytes(32), firstIndex: reader.u32(), count: reader.u32() };
      runs.push(run);
      covered += run.count;
    }
    if (covered !== count) throw reader.corrupt(`runs of ${covered} events, not ${count},`);
    if (count * 4 > reader.remaining) throw reader.corrupt(`${count} lengths do not fit`);
    const starts = new Uint32Array(count + 1);
    let start = reader.offset + count * 4;
    for (let index = 0; index < count; index++) {
      const length = reader.u32();
      if (length >= REDACTED) throw reader.corrupt('a redacted event, which this version cannot read');
      starts[index] = start;
      start += length;
    }
    starts[count] = start;
    if (start !== plain.length) throw reader.corrupt(`events end at ${start}, not ${plain.length},`);
    this.count = count;
    this.runs = runs;
    this.size = plain.length + starts.byteLength;
    this.#plain = plain;
    this.#starts = starts;
  }

  /** The event's bytes; a view of the frame's memory. */
  event(index: number): Buffer {
    const from = this.#starts[index];
    const to = this.#starts[index + 1];
    if (from === undefined || to === undefined) throw new RangeError(`no event ${index} in frame`);
    return this.#plain.subarray(from, to);
  }

  /** Gives the memory back at once: neither the frame nor a view of its events can be read any more. */
  release(): void {
    release(this.#plain);
  }

  /** Seed and index that give the event's salt. */
  run(index: number): { readonly seed: Buffer; readonly index: number } {
    let before = 0;
    for (const run of this.runs) {
      if (index < before + run.count) return { seed: run.seed, index: run.firstIndex + index - before };
      before += run.count;
    }
    throw new RangeError(`no event ${index} in frame`);
  }
}

/** The plaintext of one frame that holds the events of several, in that order; no commitment changes. */
export function joinFrames(frames: readonly OpenFrame[]): { readonly plain: Buffer; readonly count: number } {
  const runs: FrameRun[] = [];
  const events: Buffer[] = [];
  for (const frame of frames) {
    for (const run of frame.runs) if (run.count > 0) runs.push(run);
    for (let index = 0; index < frame.count; index++) events.push(frame.event(index));
  }
  return { plain: encodePlain(runs, events), count: events.length };
}
