import { ByteReader, ByteWriter } from '#journal/format/bytes';
import { MAX_RECORD_BYTES } from '#journal/format/record';

const MAGIC = 'CAIRNLOG';
const VERSION = 1;
/** Magic, version and record length before the record. */
const BEFORE_RECORD = MAGIC.length + 4;

/** As many bytes of an object as hold its record and the length of its body. */
export const LOG_OBJECT_HEAD_BYTES = BEFORE_RECORD + MAX_RECORD_BYTES + 8;

/** Where the parts of an object of the log lie (docs/formats/journal.md, section 5). */
export interface LogObjectHead {
  /** The record's bytes: a leaf of the log. */
  readonly record: Buffer;
  readonly recordOffset: number;
  readonly bodyOffset: number;
  readonly bodyLength: number;
}

/** `log/<epoch, 8 digits>/<sequence, 16 digits>`. */
export function logObjectKey(epoch: number, sequence: number): string {
  return `log/${String(epoch).padStart(8, '0')}/${String(sequence).padStart(16, '0')}`;
}

/** Undefined when it is not the key of an object of the log, to the letter. */
export function parseLogObjectKey(
  key: string,
): { readonly epoch: number; readonly sequence: number } | undefined {
  const match = /^log\/(\d{8})\/(\d{16})$/.exec(key);
  if (match === null) return undefined;
  const sequence = Number(match[2]);
  return Number.isSafeInteger(sequence) ? { epoch: Number(match[1]), sequence } : undefined;
}

/** A record and its body, in parts, as one object. */
export function encodeLogObject(record: Buffer, body: readonly Buffer[]): Buffer {
  let length = 0;
  for (const part of body) length += part.length;
  const writer = new ByteWriter(BEFORE_RECORD + record.length + 8 + length);
  writer.magic(MAGIC).u16(VERSION).u16(record.length).bytes(record).u64(length);
  for (const part of body) writer.bytes(part);
  return writer.finish();
}

/**
 * Reads the head of an object from its first LOG_OBJECT_HEAD_BYTES bytes or more; CORRUPT when it is none.
 * Whether the body has the promised length is for the caller to see.
 */
export function decodeLogObjectHead(bytes: Buffer): LogObjectHead {
  const reader = new ByteReader(bytes, 'log object');
  reader.magic(MAGIC);
  const version = reader.u16();
  if (version !== VERSION) throw reader.corrupt(`version ${version}, not ${VERSION},`, MAGIC.length);
  const length = reader.u16();
  if (length > MAX_RECORD_BYTES) throw reader.corrupt(`a record of ${length} bytes`, MAGIC.length + 2);
  const recordOffset = reader.offset;
  const record = reader.bytes(length);
  const bodyLength = reader.u64();
  return { record, recordOffset, bodyOffset: reader.offset, bodyLength };
}
