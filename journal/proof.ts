import { CairnError } from '#domain/errors';
import { latestCheckpoint } from '#journal/checkpoint-publisher';
import { openCheckpoint, type Checkpoint } from '#journal/checkpoint';
import { dataKeyObject } from '#journal/data-keys';
import { ENTRY_BYTES } from '#journal/format/batch';
import { encodeEnvelope } from '#journal/format/envelope';
import { Commitments, openFrame } from '#journal/format/frame';
import { Identities } from '#journal/format/identity';
import { parseLogObjectKey } from '#journal/format/log-object';
import { monthName } from '#journal/format/month';
import type { LogRecord, SegmentFields } from '#journal/format/record';
import { blockLeafInput, decodeEntries, decodeLayout, SEGMENT_HEAD_BYTES } from '#journal/format/segment';
import { uuidText } from '#journal/format/uuid';
import { decodeLogObjectHead } from '#journal/format/log-object';
import { decodeRecord } from '#journal/format/record';
import { readLogObject, type LogObject } from '#journal/log-object-reader';
import { leafHash } from '#journal/merkle/hash';
import { consistencyPath, inclusionPath, subtreesOf, verifyConsistency } from '#journal/merkle/proof';
import type { NoteKey } from '#journal/note';
import { eventLeaves } from '#journal/segment-builder';
import { tileSubtrees } from '#journal/tiles';
import { batchesWithEntries, blocksOf, checkSegment, type SegmentParts } from '#journal/verify/segment-check';
import { PROOF_FORMAT, type InclusionProof } from '#journal/verify-proof';
import type { KeyProvider } from '#platform/keys';
import type { ObjectReader } from '#platform/objects/object-store';

export interface ProofDeps {
  readonly objects: ObjectReader;
  readonly keyObjects: ObjectReader;
  readonly keys: KeyProvider;
  /** Whether PostgreSQL knows the identity (16 bytes): an event that no segment has lies in the tail then. */
  readonly isRecorded?: (identityKey: Buffer) => Promise<boolean>;
}

export interface ProofRequest {
  readonly account: string;
  readonly eventId: string;
  /** Shows the event and its salt; else the proof says only that an event with this commitment is there. */
  readonly disclose?: boolean;
}

/** A segment's object with the event's place in it. */
interface FoundEvent {
  readonly epoch: number;
  readonly sequence: number;
  /** Position less the segment's first. */
  readonly index: number;
}

/**
 * The inclusion proof of an account's newest event with this id, against the newest checkpoint. NOT_FOUND when no
 * segment has it, NOT_SEALED when it waits in the tail, ERASED when it cannot be shown any more, CORRUPT when
 * the segment is damaged.
 */
export async function proveEvent(deps: ProofDeps, request: ProofRequest): Promise<InclusionProof> {
  const account = Number(request.account);
  const identity = Buffer.alloc(16);
  new Identities(deps.keys.derive('content-hash')).identityKey(account, request.eventId, identity, 0);
  const found = await findEvent(deps.objects, account, identity);
  if (found === undefined) {
    const waiting = (await deps.isRecorded?.(identity)) ?? false;
    if (waiting)
      throw new CairnError('NOT_SEALED', 'The event is recorded but not sealed yet: within a minute it is.');
    throw new CairnError('NOT_FOUND', 'No segment has this event.');
  }
  const checkpoint = await latestCheckpoint(deps.objects);
  if (checkpoint === undefined || checkpoint.size <= found.sequence) {
    throw new CairnError('NOT_SEALED', 'The event is sealed, but its checkpoint is not signed yet.');
  }
  const object = await readLogObject(deps.objects, found);
  if (object?.record.kind !== 'segment') throw new CairnError('CORRUPT', 'The segment is gone.');
  const parts = wholeParts(object, object.record);
  const inSegment = await proveInSegment({ ...object, record: object.record }, parts, found.index);
  const logPath = await inclusionPath(
    found.sequence,
    checkpoint.size,
    tileSubtrees(deps.objects, checkpoint.size),
  );
  const shown =
    request.disclose === true ? await discloseEvent(deps, object, { parts, index: found.index }) : {};
  return {
    format: PROOF_FORMAT,
    log: uuidText(object.record.log),
    ...inSegment,
    ...shown,
    logIndex: found.sequence,
    logPath: logPath.map(base64),
    checkpoint: checkpoint.note,
  };
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64');
}

/** Newest segment first; reads of each only its beginning and its entries. */
async function findEvent(
  objects: ObjectReader,
  account: number,
  identity: Buffer,
): Promise<FoundEvent | undefined> {
  const keys: string[] = [];
  for await (const key of objects.list('log/')) keys.push(key);
  for (const key of keys.toReversed()) {
    const place = parseLogObjectKey(key);
    const start = await objects.get(key, { offset: 0, length: SEGMENT_HEAD_BYTES });
    if (place === undefined || start === undefined) continue;
    const head = decodeLogObjectHead(start);
    if (decodeRecord(head.record).kind !== 'segment') continue;
    const section = decodeLayout(start, head).entries;
    const bytes = (await objects.get(key, section)) ?? Buffer.alloc(0);
    const entries = decodeEntries(bytes, section.offset);
    for (let at = bytes.indexOf(identity); at >= 0; at = bytes.indexOf(identity, at + 1)) {
      const index = Math.floor((at - 4) / ENTRY_BYTES);
      if (entries.identityKey(index).equals(identity) && entries.account(index) === account)
        return { ...place, index };
    }
  }
  return undefined;
}

type WholeParts = Required<SegmentParts>;

/** A proof of a damaged segment would prove nothing. The chain before it is not needed for that. */
function wholeParts(object: LogObject, record: LogRecord & SegmentFields): WholeParts {
  const { parts, faults } = checkSegment(object.object, object.head, record, undefined);
  const [fault] = faults;
  const { blocks, entries, batches, frames, framesOffset } = parts;
  if (
    fault !== undefined ||
    blocks === undefined ||
    entries === undefined ||
    batches === undefined ||
    frames === undefined ||
    framesOffset === undefined
  ) {
    throw new CairnError('CORRUPT', `${object.key} is damaged: ${fault?.message ?? 'a section is missing'}`);
  }
  return { blocks, entries, batches, frames, framesOffset };
}

async function proveInSegment(
  object: LogObject & { readonly record: LogRecord & SegmentFields },
  { blocks, entries, batches }: WholeParts,
  index: number,
): Promise<Pick<InclusionProof, 'envelope' | 'commitment' | 'block' | 'segment'>> {
  const { record, head } = object;
  const blockOf = blocksOf(entries, blocks) ?? Int32Array.of();
  const number = blockOf[index] ?? 0;
  const block = blocks[number];
  const batch = batches[batchOf(batches, index)];
  const source = batch?.ledger[entries.source(index)]?.source;
  if (block === undefined || batch === undefined || source === undefined) {
    throw new CairnError('CORRUPT', `${object.key}: no block or batch for an event`);
  }
  const all = eventLeaves(record, batchesWithEntries(record.first, batches, entries), entries.count);
  const members: number[] = [];
  for (let position = 0; position < blockOf.length; position++)
    if (blockOf[position] === number) members.push(position);
  const leaves = Buffer.concat(members.map((position) => all.subarray(position * 32, position * 32 + 32)));
  const inBlock = members.indexOf(index);
  const blockPath = await inclusionPath(inBlock, members.length, subtreesOf(leaves));
  const blockLeaves = Buffer.concat(blocks.map((one) => leafHash(blockLeafInput(one))));
  const segmentPath = await inclusionPath(number, blocks.length, subtreesOf(blockLeaves));
  const account = entries.account(index);
  const envelope = encodeEnvelope({
    log: record.log,
    epoch: record.epoch,
    position: record.first + index,
    receivedAt: batch.receivedAt,
    account,
    source,
  });
  return {
    envelope: base64(envelope),
    commitment: base64(entries.commitment(index)),
    block: {
      account: String(account).padStart(12, '0'),
      month: monthName(block.month),
      count: block.count,
      index: inBlock,
      path: blockPath.map(base64),
    },
    segment: { record: base64(head.record), index: number, path: segmentPath.map(base64) },
  };
}

function batchOf(batches: WholeParts['batches'], index: number): number {
  let end = 0;
  return batches.findIndex((batch) => {
    end += batch.events;
    return index < end;
  });
}

async function discloseEvent(
  deps: ProofDeps,
  object: LogObject,
  at: { readonly parts: WholeParts; readonly index: number },
): Promise<{ readonly salt: string; readonly event: string }> {
  const { frames, blocks, framesOffset } = at.parts;
  const frame = frames.find(({ positions }) => positions.includes(at.index));
  const block = frame === undefined ? undefined : blocks[frame.block];
  if (frame === undefined || block === undefined)
    throw new CairnError('CORRUPT', `${object.key}: no frame for an event`);
  const path = dataKeyObject({ ...block, id: frame.keyId });
  const wrapped = await deps.keyObjects.get(path);
  if (wrapped === undefined)
    throw new CairnError('ERASED', 'The event was erased: it can be proven but not shown.');
  const key = { id: frame.keyId, secret: await deps.keys.unwrap(wrapped, path) };
  const stored = object.object.subarray(
    framesOffset + frame.offset,
    framesOffset + frame.offset + frame.length,
  );
  const open = openFrame(stored, { log: object.record.log, account: block.account }, key);
  const slot = frame.positions.indexOf(at.index);
  const run = open.run(slot);
  const salt = Buffer.alloc(32);
  new Commitments().salt(run.seed, run.index, salt, 0);
  return { salt: base64(salt), event: base64(open.event(slot)) };
}

/** That an older checkpoint's log is a prefix of today's. */
export interface ConsistencyProof {
  readonly old: Checkpoint;
  readonly now: Checkpoint;
  /** RFC 6962, section 2.1.2. */
  readonly path: readonly Buffer[];
}

/**
 * Proves that the log of an older checkpoint, as its note says, is a prefix of the newest's. INVALID_ARGUMENT when
 * the keys have not signed the note; CORRUPT when it is not a prefix, or the log has become shorter.
 */
export async function proveConsistency(
  objects: ObjectReader,
  since: string,
  keys: readonly NoteKey[],
): Promise<ConsistencyProof> {
  const old = openCheckpoint(since, keys);
  if (old === undefined) {
    throw new CairnError('INVALID_ARGUMENT', 'Not a checkpoint that this log has signed.', { path: 'since' });
  }
  const newest = await latestCheckpoint(objects);
  const now = newest === undefined ? undefined : openCheckpoint(newest.note, keys);
  if (now === undefined)
    throw new CairnError('CORRUPT', 'The newest checkpoint is missing or not signed by the log.');
  if (old.size > now.size)
    throw new CairnError('CORRUPT', `The log had ${old.size} records and has ${now.size}.`);
  const path = await consistencyPath(old.size, now.size, tileSubtrees(objects, now.size));
  if (!verifyConsistency(old, now, path)) {
    throw new CairnError(
      'CORRUPT',
      `The log of ${old.size} records is not a prefix of the one of ${now.size}.`,
    );
  }
  return { old, now, path };
}
