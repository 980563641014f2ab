import { CairnError } from '#domain/errors';
import type { CheckpointPublisher } from '#journal/checkpoint-publisher';
import { encodeLogObject, logObjectKey } from '#journal/format/log-object';
import { decodeRecord, firstPrevious, recordLeaf, type RecordPlace } from '#journal/format/record';
import type { RecordEffects, SealHead, SealSession } from '#journal/store/seal-store';
import type { ObjectStore } from '#platform/objects/object-store';

export interface LogWriterDeps {
  readonly objects: ObjectStore;
  readonly publisher: CheckpointPublisher;
  readonly step: (name: string) => void | Promise<void>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Where the log ends: the next record's place, and what its segments cover. */
export interface LogEnd {
  readonly log: Buffer;
  readonly epoch: number;
  readonly sequence: number;
  readonly previous: Buffer;
  /** Time of the last record, 0 when there is none. */
  readonly time: number;
  /** The position after the last sealed one. */
  readonly position: number;
  /** The tail chain there. */
  readonly chain: Buffer;
}

/** What the log says of itself in PostgreSQL's rows. */
export async function readLogEnd(session: SealSession, head: SealHead): Promise<LogEnd> {
  const { last, segment } = await session.newest();
  const record = last === undefined ? undefined : decodeRecord(last);
  const sealed = segment === undefined ? undefined : decodeRecord(segment);
  if (sealed !== undefined && sealed.kind !== 'segment')
    throw new CairnError('CORRUPT', 'a row of type 1 is no segment');
  return {
    log: head.log,
    epoch: head.epoch,
    sequence: record === undefined ? 0 : record.sequence + 1,
    previous: last === undefined ? firstPrevious() : recordLeaf(last),
    time: record?.time ?? 0,
    position: sealed === undefined ? 0 : sealed.first + sealed.events,
    chain: sealed?.chain ?? Buffer.alloc(32),
  };
}

/** The place of the record after `end`; its time never goes backwards. */
export function nextPlace(end: LogEnd, now: number): RecordPlace {
  const { log, epoch, sequence, previous } = end;
  return { log, epoch, sequence, previous, time: Math.max(now, end.time) };
}

/** A record to write, with its object's body and what holds with it. */
export interface RecordToWrite {
  readonly record: Buffer;
  readonly body: readonly Buffer[];
  readonly effects: RecordEffects;
}

/**
 * Writes one record: its object put if absent and read back, then its row with all effects in one transaction,
 * then tiles, checkpoint and anchor. Returns false, with nothing done, when the object is there already.
 */
export async function writeRecord(
  deps: LogWriterDeps,
  session: SealSession,
  { record, body, effects }: RecordToWrite,
): Promise<boolean> {
  const { epoch, sequence } = decodeRecord(record);
  const key = logObjectKey(epoch, sequence);
  const object = encodeLogObject(record, body);
  if (!(await deps.objects.putIfAbsent(key, object))) return false;
  await deps.step('put');
  const back = await deps.objects.get(key);
  if (back?.equals(object) !== true)
    throw new CairnError('CORRUPT', `${key} reads back otherwise than written.`);
  await deps.step('read-back');
  await commitRecord(deps, session, { record, bytes: object.length, effects });
  return true;
}

/** The row of a record whose object is there, its effects, and what is published of it. */
export async function commitRecord(
  deps: LogWriterDeps,
  session: SealSession,
  {
    record,
    bytes,
    effects,
  }: { readonly record: Buffer; readonly bytes: number; readonly effects: RecordEffects },
): Promise<void> {
  const decoded = decodeRecord(record);
  const row = { sequence: decoded.sequence, epoch: decoded.epoch, type: record.readUInt8(0), record, bytes };
  const segment = decoded.kind === 'segment' ? { first: decoded.first, count: decoded.events } : {};
  await session.commit({ ...row, leaf: recordLeaf(record), ...segment }, effects);
  await deps.step('committed');
  await deps.publisher.catchUp(session);
}
