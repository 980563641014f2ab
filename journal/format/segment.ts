import { ENTRY_BYTES, Entries, decodeLedger, encodeLedger, type LedgerLine } from '#journal/format/batch';
import { ByteReader, ByteWriter, sha256 } from '#journal/format/bytes';
import { LOG_OBJECT_HEAD_BYTES } from '#journal/format/log-object';

/** The parts of a segment's body, in their order (docs/formats/journal.md, section 7). */
const SECTIONS = ['blocks', 'entries', 'ledger', 'index', 'frames'] as const;
export type SectionName = (typeof SECTIONS)[number];

const SECTION_LENGTHS_BYTES = SECTIONS.length * 8;
export const BLOCK_BYTES = 46;
const LEAF_OF_BLOCK = 0x42;

/** As many bytes of a segment's object as hold its record and the lengths of its sections. */
export const SEGMENT_HEAD_BYTES = LOG_OBJECT_HEAD_BYTES + SECTION_LENGTHS_BYTES;

export interface Section {
  /** From the object's first byte. */
  readonly offset: number;
  readonly length: number;
}

export type SegmentLayout = Readonly<Record<SectionName, Section>>;

/** An account-month's events of one segment. */
export interface Block {
  readonly account: number;
  /** Months since 1970-01. */
  readonly month: number;
  readonly count: number;
  readonly root: Buffer;
}

/** A batch as the segment keeps it; its events follow those of the batch before. */
export interface SealedBatch {
  readonly id: Buffer;
  readonly events: number;
  readonly receivedAt: number;
  readonly ledger: readonly LedgerLine[];
  /** The ledger's bytes, as the batch hash has them. */
  readonly ledgerBytes: Buffer;
}

/** Where a frame lies and what is in it. */
export interface IndexedFrame {
  /** From the first byte of the section `frames`. */
  readonly offset: number;
  readonly length: number;
  readonly frameId: Buffer;
  readonly keyId: Buffer;
  readonly codec: number;
  readonly dictionary: number;
  /** Index into the blocks. */
  readonly block: number;
  /** SHA-256 of the stored bytes. */
  readonly hash: Buffer;
  /** Positions of its events less the segment's first, in the frame's order. */
  readonly positions: Uint32Array;
}

/** The body's lengths and then its sections, to follow a record in an object. */
export function encodeSectionLengths(sections: Readonly<Record<SectionName, number>>): Buffer {
  const writer = new ByteWriter(SECTION_LENGTHS_BYTES);
  for (const name of SECTIONS) writer.u64(sections[name]);
  return writer.finish();
}

/**
 * Where the sections lie. `bytes`: the object's beginning, SEGMENT_HEAD_BYTES or all that there is. CORRUPT
 * when they do not add up to the body.
 */
export function decodeLayout(bytes: Buffer, body: { bodyOffset: number; bodyLength: number }): SegmentLayout {
  const reader = new ByteReader(bytes.subarray(body.bodyOffset), 'segment', body.bodyOffset);
  let offset = body.bodyOffset + SECTION_LENGTHS_BYTES;
  const next = (): Section => {
    const section = { offset, length: reader.u64() };
    offset += section.length;
    return section;
  };
  const layout = { blocks: next(), entries: next(), ledger: next(), index: next(), frames: next() };
  if (offset !== body.bodyOffset + body.bodyLength) {
    throw reader.corrupt(`sections end at ${offset}, not with the body`, 0);
  }
  return layout;
}

export function encodeBlocks(blocks: readonly Block[]): Buffer {
  const writer = new ByteWriter(4 + blocks.length * BLOCK_BYTES).u32(blocks.length);
  for (const block of blocks) writer.u64(block.account).u16(block.month).u32(block.count).bytes(block.root);
  return writer.finish();
}

/** CORRUPT unless they ascend by account and month. `base`: where the section begins in the object. */
export function decodeBlocks(bytes: Buffer, base = 0): Block[] {
  const reader = new ByteReader(bytes, 'blocks', base);
  const blocks: Block[] = [];
  let last: Block | undefined;
  for (let n = reader.count(BLOCK_BYTES); n > 0; n--) {
    const at = reader.offset;
    const block = { account: reader.u64(), month: reader.u16(), count: reader.u32(), root: reader.bytes(32) };
    if (last !== undefined && compareBlocks(last, block) >= 0)
      throw reader.corrupt('blocks out of order', at);
    blocks.push(block);
    last = block;
  }
  reader.end();
  return blocks;
}

export function compareBlocks(
  a: Pick<Block, 'account' | 'month'>,
  b: Pick<Block, 'account' | 'month'>,
): number {
  return a.account - b.account || a.month - b.month;
}

/** Input of a block's leaf in the segment's tree. */
export function blockLeafInput(block: Block): Buffer {
  return new ByteWriter(1 + BLOCK_BYTES)
    .u8(LEAF_OF_BLOCK)
    .u64(block.account)
    .u16(block.month)
    .u32(block.count)
    .bytes(block.root)
    .finish();
}

/** The entries of batches that follow one another, given as their bytes. */
export function encodeEntries(batches: readonly Buffer[]): Buffer {
  let size = 0;
  for (const entries of batches) size += entries.length;
  const writer = new ByteWriter(4 + size).u32(size / ENTRY_BYTES);
  for (const entries of batches) writer.bytes(entries);
  return writer.finish();
}

export function decodeEntries(bytes: Buffer, base = 0): Entries {
  const reader = new ByteReader(bytes, 'entries', base);
  const entries = new Entries(reader.bytes(reader.count(ENTRY_BYTES) * ENTRY_BYTES));
  reader.end();
  return entries;
}

export function encodeSealedBatches(batches: readonly Omit<SealedBatch, 'ledgerBytes'>[]): Buffer {
  const writer = new ByteWriter(4 + batches.length * 128).u32(batches.length);
  for (const { id, events, receivedAt, ledger } of batches) {
    writer.bytes(id).u32(events).u64(receivedAt).bytes(encodeLedger(ledger));
  }
  return writer.finish();
}

export function decodeSealedBatches(bytes: Buffer, base = 0): SealedBatch[] {
  const reader = new ByteReader(bytes, 'ledger', base);
  const batches: SealedBatch[] = [];
  for (let n = reader.count(30); n > 0; n--) {
    const head = { id: reader.bytes(16), events: reader.u32(), receivedAt: reader.u64() };
    const from = reader.offset;
    const ledger = decodeLedger(reader);
    batches.push({ ...head, ledger, ledgerBytes: bytes.subarray(from, reader.offset) });
  }
  reader.end();
  return batches;
}

export function encodeStorageIndex(frames: readonly IndexedFrame[]): Buffer {
  const writer = new ByteWriter(4 + frames.length * 512).u32(frames.length);
  for (const frame of frames) {
    writer.u64(frame.offset).u32(frame.length).bytes(frame.frameId).bytes(frame.keyId);
    writer
      .u8(frame.codec)
      .u32(frame.dictionary)
      .u32(frame.block)
      .bytes(frame.hash)
      .u32(frame.positions.length);
    const { buffer, offset } = writer.reserve(frame.positions.length * 4);
    let at = offset;
    for (const position of frame.positions) at = buffer.writeUInt32BE(position, at);
  }
  return writer.finish();
}

export function decodeStorageIndex(bytes: Buffer, base = 0): IndexedFrame[] {
  const reader = new ByteReader(bytes, 'storage index', base);
  const frames: IndexedFrame[] = [];
  for (let n = reader.count(89); n > 0; n--) {
    const frame = {
      offset: reader.u64(),
      length: reader.u32(),
      frameId: reader.bytes(16),
      keyId: reader.bytes(16),
      codec: reader.u8(),
      dictionary: reader.u32(),
      block: reader.u32(),
      hash: reader.bytes(32),
    };
    const positions = new Uint32Array(reader.count(4));
    for (let index = 0; index < positions.length; index++) positions[index] = reader.u32();
    frames.push({ ...frame, positions });
  }
  reader.end();
  return frames;
}

const HASH_TAGS = { index: 0x14, ledger: 0x15, entries: 0x16, keys: 0x17 } as const;

/** The tagged hash of a section, or of an erasure's key list, as the record carries it (section 1). */
export function sectionHash(name: keyof typeof HASH_TAGS, section: Uint8Array): Buffer {
  return sha256(Buffer.of(HASH_TAGS[name]), section);
}

/** A key that an erasure destroyed: an item of the erasure record's body. */
export interface ErasedKey {
  readonly id: Buffer;
  /** Months since 1970-01. */
  readonly month: number;
}

export function encodeKeyList(keys: readonly ErasedKey[]): Buffer {
  const writer = new ByteWriter(keys.length * 18);
  for (const key of keys) writer.bytes(key.id).u16(key.month);
  return writer.finish();
}

/** `count`: as the record says; CORRUPT when the body does not hold just as many. */
export function decodeKeyList(bytes: Buffer, count: number, base = 0): ErasedKey[] {
  const reader = new ByteReader(bytes, 'key list', base);
  if (bytes.length !== count * 18) throw reader.corrupt(`${count} keys expected, ${bytes.length} bytes`, 0);
  const keys: ErasedKey[] = [];
  for (let index = 0; index < count; index++) keys.push({ id: reader.bytes(16), month: reader.u16() });
  return keys;
}
