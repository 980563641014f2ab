import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import { encodeLedger } from '#journal/format/batch';
import {
  decodeLogObjectHead,
  encodeLogObject,
  LOG_OBJECT_HEAD_BYTES,
  logObjectKey,
  parseLogObjectKey,
} from '#journal/format/log-object';
import { decodeRecord, encodeRecord, MAX_RECORD_BYTES, type LogRecord } from '#journal/format/record';
import {
  decodeBlocks,
  decodeEntries,
  decodeKeyList,
  decodeLayout,
  decodeSealedBatches,
  decodeStorageIndex,
  encodeBlocks,
  encodeEntries,
  encodeKeyList,
  encodeSealedBatches,
  encodeSectionLengths,
  encodeStorageIndex,
  SEGMENT_HEAD_BYTES,
} from '#journal/format/segment';

const bytesOf = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes));
const u64 = fc.maxSafeNat();
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const hash = bytesOf(32);

const place = {
  critical: fc.constant(true),
  log: bytesOf(16),
  epoch: u32,
  sequence: u64,
  previous: hash,
  time: u64,
};
const record: fc.Arbitrary<Exclude<LogRecord, { kind: 'unknown' }>> = fc.oneof(
  fc.record({
    ...place,
    kind: fc.constant('segment' as const),
    first: u64,
    events: u32,
    blocks: u32,
    blockRoot: hash,
    entriesHash: hash,
    indexHash: hash,
    ledgerHash: hash,
    chain: hash,
    receivedFrom: u64,
    receivedTo: u64,
  }),
  fc.record({
    ...place,
    kind: fc.constant('erasure' as const),
    account: u64,
    before: u16,
    upTo: u64,
    keys: u32,
    keyListHash: hash,
  }),
  fc.record({
    ...place,
    kind: fc.constant('key' as const),
    publicKey: hash,
    signature: bytesOf(64),
    previousSignature: bytesOf(64),
  }),
  fc.record({
    ...place,
    kind: fc.constant('epoch' as const),
    oldEpoch: u32,
    oldEnd: u64,
    reason: fc.integer({ min: 0, max: 255 }),
    signature: bytesOf(64),
  }),
);

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'nothing thrown';
  } catch (error) {
    return error instanceof CairnError ? error.code : String(error);
  }
}

describe('records', () => {
  it('come back as they were written, within their limit', () => {
    fc.assert(
      fc.property(record, (value) => {
        const bytes = encodeRecord(value, value);
        expect(bytes.length).toBeLessThanOrEqual(MAX_RECORD_BYTES);
        expect(decodeRecord(bytes)).toEqual(value);
      }),
    );
  });

  it('are CORRUPT when cut, longer or of another version', () => {
    fc.assert(
      fc.property(record, fc.nat(), (value, cut) => {
        const bytes = encodeRecord(value, value);
        expect(codeOf(() => decodeRecord(bytes.subarray(0, cut % bytes.length)))).toBe('CORRUPT');
        expect(codeOf(() => decodeRecord(Buffer.concat([bytes, Buffer.of(0)])))).toBe('CORRUPT');
        const other = Buffer.from(bytes);
        other.writeUInt16BE(2, 2);
        expect(codeOf(() => decodeRecord(other))).toBe('CORRUPT');
      }),
    );
  });

  it('of a type to come stop a reader only when they are critical', () => {
    const [value] = fc.sample(record, 1);
    if (value === undefined) throw new Error('no sample');
    const bytes = Buffer.concat([encodeRecord(value, value), Buffer.alloc(20)]);
    bytes.writeUInt8(77, 0);
    expect(codeOf(() => decodeRecord(bytes))).toBe('CORRUPT');
    bytes.writeUInt8(0, 1);
    expect(decodeRecord(bytes)).toMatchObject({ kind: 'unknown', type: 77, sequence: value.sequence });
  });
});

describe('objects of the log', () => {
  it('have keys that sort like their numbers', () => {
    expect(logObjectKey(3, 71)).toBe('log/00000003/0000000000000071');
    expect(parseLogObjectKey(logObjectKey(3, 71))).toEqual({ epoch: 3, sequence: 71 });
    expect(parseLogObjectKey('log/3/71')).toBeUndefined();
    expect(parseLogObjectKey('log/00000003/0000000000000071.tmp')).toBeUndefined();
  });

  it('tell from their first bytes where everything lies', () => {
    const sections = { blocks: 1, entries: 2, ledger: 3, index: 4, frames: 2000 };
    const lengths = encodeSectionLengths(sections);
    const object = encodeLogObject(Buffer.alloc(300, 7), [lengths, Buffer.alloc(2010)]);
    const head = decodeLogObjectHead(object.subarray(0, LOG_OBJECT_HEAD_BYTES));
    expect(head.record).toEqual(Buffer.alloc(300, 7));
    expect(head.bodyOffset + head.bodyLength).toBe(object.length);
    const layout = decodeLayout(object.subarray(0, SEGMENT_HEAD_BYTES), head);
    expect(layout.blocks).toEqual({ offset: head.bodyOffset + 40, length: 1 });
    expect(layout.frames.offset + layout.frames.length).toBe(object.length);
    expect(codeOf(() => decodeLayout(object, { ...head, bodyLength: head.bodyLength + 1 }))).toBe('CORRUPT');
    expect(codeOf(() => decodeLogObjectHead(object.subarray(0, 200)))).toBe('CORRUPT');
  });
});

describe('sections of a segment', () => {
  const line = fc.record({
    source: fc.string({ maxLength: 16 }),
    received: u32,
    accepted: u32,
    duplicate: u32,
    conflict: u32,
    refused: u32,
  });
  const batch = fc.record({
    id: bytesOf(16),
    events: u32,
    receivedAt: u64,
    ledger: fc.array(line, { maxLength: 4 }),
  });
  const frame = fc.record({
    offset: u64,
    length: u32,
    frameId: bytesOf(16),
    keyId: bytesOf(16),
    codec: fc.integer({ min: 0, max: 255 }),
    dictionary: u32,
    block: u32,
    hash,
    positions: fc.array(u32, { maxLength: 9 }).map((list) => Uint32Array.from(list)),
  });

  it('come back as they were written', () => {
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 5 }), fc.array(frame, { maxLength: 5 }), (batches, frames) => {
        const read = decodeSealedBatches(encodeSealedBatches(batches));
        expect(read).toEqual(batches.map((one) => ({ ...one, ledgerBytes: encodeLedger(one.ledger) })));
        expect(decodeStorageIndex(encodeStorageIndex(frames))).toEqual(frames);
      }),
    );
    const blocks = [
      { account: 1, month: 600, count: 3, root: Buffer.alloc(32, 1) },
      { account: 1, month: 601, count: 1, root: Buffer.alloc(32, 2) },
    ];
    expect(decodeBlocks(encodeBlocks(blocks))).toEqual(blocks);
    expect(decodeEntries(encodeEntries([Buffer.alloc(156, 5), Buffer.alloc(78, 6)])).count).toBe(3);
    const keys = [{ id: Buffer.alloc(16, 9), month: 670 }];
    expect(decodeKeyList(encodeKeyList(keys), 1)).toEqual(keys);
  });

  it('are CORRUPT when blocks are out of order or twice there', () => {
    const block = { account: 5, month: 600, count: 3, root: Buffer.alloc(32) };
    expect(codeOf(() => decodeBlocks(encodeBlocks([block, block])))).toBe('CORRUPT');
    expect(codeOf(() => decodeBlocks(encodeBlocks([block, { ...block, account: 4 }])))).toBe('CORRUPT');
  });

  it('never make a reader throw anything but CORRUPT, nor allocate by what a stranger claims', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        const readers = [
          decodeBlocks,
          decodeEntries,
          decodeSealedBatches,
          decodeStorageIndex,
          decodeLogObjectHead,
        ];
        for (const read of readers)
          expect(['CORRUPT', 'nothing thrown']).toContain(codeOf(() => read(buffer)));
      }),
    );
  });
});
