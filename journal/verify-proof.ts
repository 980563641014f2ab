import { CairnError } from '#domain/errors';
import { openCheckpoint } from '#journal/checkpoint';
import { decodeEnvelope, type Envelope } from '#journal/format/envelope';
import { Commitments } from '#journal/format/frame';
import { decodeRecord, type LogRecord, type SegmentFields } from '#journal/format/record';
import { blockLeafInput } from '#journal/format/segment';
import { uuidText } from '#journal/format/uuid';
import { HASH_BYTES } from '#journal/merkle/hash';
import { rootFromInclusion } from '#journal/merkle/proof';
import { parseVkey } from '#journal/note';

export const PROOF_FORMAT = 'cairn-proof/1';
/** An event of 1 MB in base64, and the proof. */
const MAX_PROOF_BYTES = 2 * 1024 * 1024;
/** Months since 1970-01 are a u16. */
const MAX_MONTH = 0xffff;

/** A proof as its file holds it (docs/formats/journal.md, section 10); bytes in base64. */
export interface InclusionProof {
  readonly format: typeof PROOF_FORMAT;
  /** UUID. */
  readonly log: string;
  readonly envelope: string;
  readonly commitment: string;
  /** With them the proof shows the event; without, only that one with this commitment is there. */
  readonly salt?: string;
  readonly event?: string;
  readonly block: {
    readonly account: string;
    /** `YYYY-MM`. */
    readonly month: string;
    readonly count: number;
    readonly index: number;
    readonly path: readonly string[];
  };
  readonly segment: { readonly record: string; readonly index: number; readonly path: readonly string[] };
  readonly logIndex: number;
  readonly logPath: readonly string[];
  readonly checkpoint: string;
}

/** What a proof proves. */
export interface ProvenEvent {
  readonly log: string;
  readonly epoch: number;
  readonly position: number;
  readonly account: string;
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly sealedAt: number;
  /** Records that the checkpoint covers. */
  readonly size: number;
  /** The event's bytes, when the proof shows them. */
  readonly event: Buffer | undefined;
}

/**
 * Checks a proof with a public key (a vkey) and nothing else. INVALID_ARGUMENT when either is not one; CORRUPT
 * with the step that fails when the proof does not hold.
 */
export function verifyProof(file: string, vkey: string): ProvenEvent {
  const key = parseVkey(vkey);
  if (key === undefined)
    throw new CairnError('INVALID_ARGUMENT', 'Not a public key (name+hash+key).', { path: 'key' });
  const proof = parseProof(file);
  const envelope = decodeEnvelope(bytesOf(proof.envelope));
  const recordBytes = bytesOf(proof.segment.record);
  const record = decodeRecord(recordBytes);
  if (record.kind !== 'segment') throw failed('the record is not that of a segment');
  checkPlaces(proof, envelope, record);
  const commitment = bytesOf(proof.commitment);
  const blockRoot = rootOf(
    Buffer.concat([Buffer.from('E'), bytesOf(proof.envelope), commitment]),
    proof.block,
    {
      size: proof.block.count,
      what: 'the event is not in its block',
    },
  );
  const block = {
    account: envelope.account,
    month: monthNumber(proof.block.month),
    count: proof.block.count,
    root: blockRoot,
  };
  const segmentRoot = rootOf(blockLeafInput(block), proof.segment, {
    size: record.blocks,
    what: 'the block is not in the segment',
  });
  if (!segmentRoot.equals(record.blockRoot)) throw failed('the block is not in the segment');
  const checkpoint = openCheckpoint(proof.checkpoint, [key]);
  if (checkpoint === undefined || checkpoint.origin !== proof.log) {
    throw failed('the checkpoint is not signed by this key, or is of another log');
  }
  const root = rootOf(
    recordBytes,
    { index: proof.logIndex, path: proof.logPath },
    {
      size: checkpoint.size,
      what: 'the segment is not in the log',
    },
  );
  if (!root.equals(checkpoint.root)) throw failed('the segment is not in the log');
  const event = shownEvent(proof, commitment);
  const { epoch, position, source, receivedAt } = envelope;
  const account = proof.block.account;
  return {
    log: proof.log,
    epoch,
    position,
    account,
    source,
    receivedAt,
    sealedAt: record.time,
    size: checkpoint.size,
    event,
  };
}

function failed(what: string): CairnError {
  return new CairnError('CORRUPT', `The proof does not hold: ${what}.`);
}

function checkPlaces(proof: InclusionProof, envelope: Envelope, record: LogRecord & SegmentFields): void {
  const place = envelope.position - record.first;
  if (uuidText(envelope.log) !== proof.log || !envelope.log.equals(record.log))
    throw failed('it speaks of several logs');
  if (envelope.epoch !== record.epoch || place < 0 || place >= record.events) {
    throw failed('the event does not lie in the segment');
  }
  if (proof.block.account !== String(envelope.account).padStart(12, '0'))
    throw failed('the event is of another account');
  if (record.sequence !== proof.logIndex) throw failed('the record stands elsewhere in the log');
}

function rootOf(
  leaf: Buffer,
  at: { readonly index: number; readonly path: readonly string[] },
  tree: { readonly size: number; readonly what: string },
): Buffer {
  const path = at.path.map(bytesOf);
  const root = rootFromInclusion({ leaf, index: at.index, size: tree.size, path });
  if (root === undefined) throw failed(tree.what);
  return root;
}

function shownEvent(proof: InclusionProof, commitment: Buffer): Buffer | undefined {
  if (proof.salt === undefined || proof.event === undefined) return undefined;
  const event = bytesOf(proof.event);
  const salt = bytesOf(proof.salt);
  if (salt.length !== HASH_BYTES) throw malformed('salt');
  if (new Commitments().withSalt(salt, event).equals(commitment)) return event;
  throw failed('the event is not the one committed to');
}

function bytesOf(base64: string): Buffer {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) throw malformed('base64');
  return bytes;
}

function monthNumber(name: string): number {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(name);
  if (match === null) throw malformed('block.month');
  const month = (Number(match[1]) - 1970) * 12 + Number(match[2]) - 1;
  if (month < 0 || month > MAX_MONTH) throw malformed('block.month');
  return month;
}

function malformed(path: string): CairnError {
  return new CairnError('INVALID_ARGUMENT', `Not a proof of the format ${PROOF_FORMAT}: ${path}.`, { path });
}

type Fields = Readonly<Record<string, unknown>>;

function parseProof(file: string): InclusionProof {
  if (file.length > MAX_PROOF_BYTES) throw malformed('size');
  const proof = fieldsOf(parseJson(file), 'file');
  if (proof['format'] !== PROOF_FORMAT) throw malformed('format');
  const block = fieldsOf(proof['block'], 'block');
  const segment = fieldsOf(proof['segment'], 'segment');
  return {
    format: PROOF_FORMAT,
    log: textOf(proof, 'log'),
    envelope: textOf(proof, 'envelope'),
    commitment: textOf(proof, 'commitment'),
    ...(proof['salt'] !== undefined && { salt: textOf(proof, 'salt') }),
    ...(proof['event'] !== undefined && { event: textOf(proof, 'event') }),
    block: {
      account: textOf(block, 'account'),
      month: textOf(block, 'month'),
      count: countOf(block, 'count'),
      index: countOf(block, 'index'),
      path: pathOf(block, 'path'),
    },
    segment: {
      record: textOf(segment, 'record'),
      index: countOf(segment, 'index'),
      path: pathOf(segment, 'path'),
    },
    logIndex: countOf(proof, 'logIndex'),
    logPath: pathOf(proof, 'logPath'),
    checkpoint: textOf(proof, 'checkpoint'),
  };
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(file);
  } catch {
    throw malformed('not JSON');
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function fieldsOf(value: unknown, path: string): Fields {
  if (!isFields(value)) throw malformed(path);
  return value;
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw malformed(name);
  return value;
}

function countOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > 0xffff_ffff)
    throw malformed(name);
  return value;
}

/** At most as long as a tree with 2^53 leaves is high. */
function pathOf(fields: Fields, name: string): string[] {
  const value = fields[name];
  if (!Array.isArray(value) || value.length > 53) throw malformed(name);
  return value.map((hash: unknown) => {
    if (typeof hash !== 'string') throw malformed(name);
    return hash;
  });
}
