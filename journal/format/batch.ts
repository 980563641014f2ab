import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter, writeU64 } from '#journal/format/bytes';

/** Bytes of an entry: what the journal keeps of an event beside its bytes (section 4). */
export const ENTRY_BYTES = 78;

/** What one source sent in a batch; received = accepted + duplicate + conflict + refused. */
export interface LedgerLine {
  readonly source: string;
  readonly received: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly refused: number;
}

/** Where a batch's frame lies and whose events it holds. */
export interface BatchFrame {
  readonly account: number;
  /** Months since 1970-01. */
  readonly month: number;
  /** The frame as stored. */
  readonly stored: Buffer;
  /** Indexes in the batch of its events, in the frame's order. */
  readonly indexes: Uint32Array;
}

/** Entries one after another, read in place. */
export class Entries {
  readonly bytes: Buffer;
  readonly count: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.count = bytes.length / ENTRY_BYTES;
  }

  account(index: number): number {
    const at = index * ENTRY_BYTES;
    return this.bytes.readUInt32BE(at) * 0x1_0000_0000 + this.bytes.readUInt32BE(at + 4);
  }

  /** Index of the source in the batch's ledger. */
  source(index: number): number {
    return this.bytes.readUInt16BE(index * ENTRY_BYTES + 8);
  }

  /** Milliseconds since 1970. */
  eventTime(index: number): number {
    const at = index * ENTRY_BYTES + 10;
    return this.bytes.readUInt32BE(at) * 0x1_0000_0000 + this.bytes.readUInt32BE(at + 4);
  }

  identityKey(index: number): Buffer {
    const at = index * ENTRY_BYTES + 18;
    return this.bytes.subarray(at, at + 16);
  }

  contentHash(index: number): Buffer {
    const at = index * ENTRY_BYTES + 34;
    return this.bytes.subarray(at, at + 8);
  }

  commitment(index: number): Buffer {
    const at = index * ENTRY_BYTES + 46;
    return this.bytes.subarray(at, at + 32);
  }
}

/** The fields of an entry before its commitment, which the building of frames fills in. */
export interface EntryFields {
  readonly account: number;
  readonly source: number;
  readonly eventTime: number;
  /** 16 bytes. */
  readonly identityKey: Buffer;
  /** 8 bytes. */
  readonly contentHash: Buffer;
}

/** Writes an entry at `index` of `target`; the commitment's 32 bytes are left to the caller. */
export function writeEntry(target: Buffer, index: number, entry: EntryFields): void {
  const at = index * ENTRY_BYTES;
  writeU64(target, entry.account, at);
  target.writeUInt16BE(entry.source, at + 8);
  writeU64(target, entry.eventTime, at + 10);
  target.set(entry.identityKey, at + 18);
  target.set(entry.contentHash, at + 34);
  target.writeUInt32BE(0, at + 42);
}

/** Where the commitment of the entry at `index` lies. */
export function commitmentOffset(index: number): number {
  return index * ENTRY_BYTES + 46;
}

export interface Batch {
  /** UUID, 16 bytes. */
  readonly id: Buffer;
  readonly ledger: readonly LedgerLine[];
  readonly entries: Entries;
  readonly frames: readonly BatchFrame[];
}

/** The ledger as it stands in a batch and in a segment. */
export function encodeLedger(lines: readonly LedgerLine[]): Buffer {
  const writer = new ByteWriter(2 + lines.length * 64).u16(lines.length);
  for (const line of lines) {
    writer.str8(line.source).u32(line.received).u32(line.accepted);
    writer.u32(line.duplicate).u32(line.conflict).u32(line.refused);
  }
  return writer.finish();
}

export function decodeLedger(reader: ByteReader): LedgerLine[] {
  const lines: LedgerLine[] = [];
  for (let n = reader.u16(); n > 0; n--) {
    lines.push({
      source: reader.str8(),
      received: reader.u32(),
      accepted: reader.u32(),
      duplicate: reader.u32(),
      conflict: reader.u32(),
      refused: reader.u32(),
    });
  }
  return lines;
}

export function encodeBatch(batch: Batch): Buffer {
  const { entries, frames } = batch;
  let stored = 0;
  let indexes = 0;
  for (const frame of frames) {
    stored += frame.stored.length;
    indexes += frame.indexes.length;
  }
  const ledger = encodeLedger(batch.ledger);
  const size = 19 + ledger.length + 8 + entries.bytes.length + frames.length * 18 + indexes * 4 + stored;
  const writer = new ByteWriter(size).magic('CB').u8(1).bytes(batch.id).bytes(ledger);
  writer.u32(entries.count).bytes(entries.bytes).u32(frames.length);
  for (const frame of frames) {
    writer.u64(frame.account).u16(frame.month).u32(frame.stored.length).u32(frame.indexes.length);
    const { buffer, offset } = writer.reserve(frame.indexes.length * 4);
    let at = offset;
    for (const index of frame.indexes) at = buffer.writeUInt32BE(index, at);
  }
  for (const frame of frames) writer.bytes(frame.stored);
  return writer.finish();
}

/** CORRUPT, with the offset, when these are not the bytes of a batch. */
export function decodeBatch(bytes: Buffer): Batch {
  const reader = new ByteReader(bytes, 'batch');
  reader.magic('CB');
  reader.version(1);
  const id = reader.bytes(16);
  const ledger = decodeLedger(reader);
  const entries = new Entries(reader.bytes(reader.count(ENTRY_BYTES) * ENTRY_BYTES));
  const frames: { account: number; month: number; length: number; indexes: Uint32Array }[] = [];
  const seen = new Uint8Array(entries.count);
  let covered = 0;
  for (let n = reader.count(18); n > 0; n--) {
    const account = reader.u64();
    const month = reader.u16();
    const length = reader.u32();
    const indexes = new Uint32Array(reader.count(4));
    for (let index = 0; index < indexes.length; index++) {
      const value = reader.u32();
      if (seen[value] !== 0) throw reader.corrupt(`entry ${value} missing or twice`, reader.offset - 4);
      seen[value] = 1;
      indexes[index] = value;
    }
    covered += indexes.length;
    frames.push({ account, month, length, indexes });
  }
  if (covered !== entries.count) throw reader.corrupt(`${entries.count - covered} entries without a frame`);
  const batch = {
    id,
    ledger,
    entries,
    frames: frames.map(({ account, month, length, indexes }) => ({
      account,
      month,
      stored: reader.bytes(length),
      indexes,
    })),
  };
  reader.end();
  return batch;
}

/** `12 || batch id || ledger || entries`: frames are not covered, so that re-packing them changes no hash. */
export function batchHash(id: Buffer, ledger: Buffer, entries: Buffer): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(entries.length / ENTRY_BYTES);
  return createHash('sha256')
    .update(Buffer.of(0x12))
    .update(id)
    .update(ledger)
    .update(count)
    .update(entries)
    .digest();
}

/** The tail chain after a batch (section 1). */
export function nextChain(
  previous: Buffer,
  hash: Buffer,
  at: { readonly first: number; readonly receivedAt: number },
): Buffer {
  const writer = new ByteWriter(81).u8(0x13).bytes(previous).bytes(hash).u64(at.first).u64(at.receivedAt);
  return createHash('sha256').update(writer.finish()).digest();
}
