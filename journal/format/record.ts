import { ByteReader, ByteWriter } from '#journal/format/bytes';
import { leafHash } from '#journal/merkle/hash';

/** No record is larger, so that a proof stays small and 256 of them fit an entry bundle (section 6). */
export const MAX_RECORD_BYTES = 512;
export const SUITE = 1;

export const RECORD_SEGMENT = 1;
export const RECORD_ERASURE = 2;
export const RECORD_KEY = 4;
export const RECORD_EPOCH = 5;

/** Why an epoch began: the end of the one before is not known (section 6). */
export const EPOCH_END_UNKNOWN = 1;

const SIGNATURE_BYTES = 64;
/** `previous` of the first record, and the signature by a previous key that there is not. */
const NO_HASH = Buffer.alloc(32);
export const NO_SIGNATURE: Buffer = Buffer.alloc(SIGNATURE_BYTES);

/** What every record begins with. */
export interface RecordHead {
  readonly critical: boolean;
  /** UUID of the log, 16 bytes. */
  readonly log: Buffer;
  readonly epoch: number;
  /** Records are counted from 0: the index of this one's leaf in the log's tree. */
  readonly sequence: number;
  /** Leaf hash of the record before, zero for the first. */
  readonly previous: Buffer;
  /** Milliseconds since 1970. */
  readonly time: number;
}

export interface SegmentFields {
  readonly first: number;
  readonly events: number;
  readonly blocks: number;
  readonly blockRoot: Buffer;
  readonly entriesHash: Buffer;
  readonly indexHash: Buffer;
  readonly ledgerHash: Buffer;
  /** The tail chain after the segment's last batch. */
  readonly chain: Buffer;
  /** Times of receipt of the first and last batch; 0 when there is none. */
  readonly receivedFrom: number;
  readonly receivedTo: number;
}

export interface ErasureFields {
  readonly account: number;
  /** Months since 1970-01; those before it were erased. 0: all. */
  readonly before: number;
  /** Events at lower positions are erased. */
  readonly upTo: number;
  readonly keys: number;
  readonly keyListHash: Buffer;
}

export interface KeyFields {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Buffer;
  readonly signature: Buffer;
  /** By the key before; zero bytes for the first. */
  readonly previousSignature: Buffer;
}

export interface EpochFields {
  readonly oldEpoch: number;
  /** The first position of the new epoch. */
  readonly oldEnd: number;
  readonly reason: number;
  readonly signature: Buffer;
}

export type RecordFields =
  | ({ readonly kind: 'segment' } & SegmentFields)
  | ({ readonly kind: 'erasure' } & ErasureFields)
  | ({ readonly kind: 'key' } & KeyFields)
  | ({ readonly kind: 'epoch' } & EpochFields)
  /** Of a later version, and not critical: passed over. */
  | { readonly kind: 'unknown'; readonly type: number };

export type LogRecord = RecordHead & RecordFields;

const TYPES = {
  segment: RECORD_SEGMENT,
  erasure: RECORD_ERASURE,
  key: RECORD_KEY,
  epoch: RECORD_EPOCH,
} as const;

/** What a record is without: it is decided by the place that the log gives it. */
export type RecordPlace = Omit<RecordHead, 'critical'>;

export function firstPrevious(): Buffer {
  return Buffer.from(NO_HASH);
}

/** Leaf hash of a record in the log's tree, and `previous` of the record after it. */
export function recordLeaf(record: Uint8Array): Buffer {
  return leafHash(record);
}

type KnownFields = Exclude<RecordFields, { readonly kind: 'unknown' }>;

export function encodeRecord(place: RecordPlace, fields: KnownFields): Buffer {
  const writer = writeHead(place, TYPES[fields.kind]);
  switch (fields.kind) {
    case 'segment':
      writer.u64(fields.first).u32(fields.events).u32(fields.blocks).bytes(fields.blockRoot);
      writer.bytes(fields.entriesHash).bytes(fields.indexHash).bytes(fields.ledgerHash).bytes(fields.chain);
      writer.u64(fields.receivedFrom).u64(fields.receivedTo);
      break;
    case 'erasure':
      writer
        .u64(fields.account)
        .u16(fields.before)
        .u64(fields.upTo)
        .u32(fields.keys)
        .bytes(fields.keyListHash);
      break;
    case 'key':
      writer.bytes(fields.publicKey).bytes(fields.signature).bytes(fields.previousSignature);
      break;
    case 'epoch':
      writer.u32(fields.oldEpoch).u64(fields.oldEnd).u8(fields.reason).bytes(fields.signature);
      break;
  }
  return writer.finish();
}

/** What the keys sign of a key record: everything up to and including the public key. */
export function keyRecordPreimage(place: RecordPlace, publicKey: Buffer): Buffer {
  return writeHead(place, RECORD_KEY).bytes(publicKey).finish();
}

/** What the key signs of an epoch record: everything before the signature. */
export function epochRecordPreimage(place: RecordPlace, fields: Omit<EpochFields, 'signature'>): Buffer {
  const writer = writeHead(place, RECORD_EPOCH);
  return writer.u32(fields.oldEpoch).u64(fields.oldEnd).u8(fields.reason).finish();
}

function writeHead(place: RecordPlace, type: number): ByteWriter {
  const writer = new ByteWriter(MAX_RECORD_BYTES).u8(type).u8(1).u16(1).u8(SUITE);
  return writer.bytes(place.log).u32(place.epoch).u64(place.sequence).bytes(place.previous).u64(place.time);
}

/** CORRUPT when these are not the bytes of a record that this version can read. */
export function decodeRecord(bytes: Buffer): LogRecord {
  const reader = new ByteReader(bytes, 'record');
  const type = reader.u8();
  const critical = reader.u8();
  if (critical > 1) throw reader.corrupt(`critical ${critical}`, 1);
  const version = reader.u16();
  const suite = reader.u8();
  const head = {
    critical: critical === 1,
    log: reader.bytes(16),
    epoch: reader.u32(),
    sequence: reader.u64(),
    previous: reader.bytes(32),
    time: reader.u64(),
  };
  if (version !== 1 || suite !== SUITE) throw reader.corrupt(`version ${version}, suite ${suite}`, 2);
  const fields = decodeFields(type, reader);
  if (fields === undefined) {
    if (head.critical) throw reader.corrupt(`a critical record of the unknown type ${type}`, 0);
    return { ...head, kind: 'unknown', type };
  }
  if (!head.critical) throw reader.corrupt('a record of a known type must be critical', 1);
  reader.end();
  return { ...head, ...fields };
}

function decodeFields(type: number, reader: ByteReader): RecordFields | undefined {
  switch (type) {
    case RECORD_SEGMENT:
      return {
        kind: 'segment',
        first: reader.u64(),
        events: reader.u32(),
        blocks: reader.u32(),
        blockRoot: reader.bytes(32),
        entriesHash: reader.bytes(32),
        indexHash: reader.bytes(32),
        ledgerHash: reader.bytes(32),
        chain: reader.bytes(32),
        receivedFrom: reader.u64(),
        receivedTo: reader.u64(),
      };
    case RECORD_ERASURE:
      return {
        kind: 'erasure',
        account: reader.u64(),
        before: reader.u16(),
        upTo: reader.u64(),
        keys: reader.u32(),
        keyListHash: reader.bytes(32),
      };
    case RECORD_KEY:
      return {
        kind: 'key',
        publicKey: reader.bytes(32),
        signature: reader.bytes(SIGNATURE_BYTES),
        previousSignature: reader.bytes(SIGNATURE_BYTES),
      };
    case RECORD_EPOCH:
      return {
        kind: 'epoch',
        oldEpoch: reader.u32(),
        oldEnd: reader.u64(),
        reason: reader.u8(),
        signature: reader.bytes(SIGNATURE_BYTES),
      };
    default:
      return undefined;
  }
}
