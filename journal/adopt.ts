import { CairnError } from '#domain/errors';
import type { ErasureFields, KeyFields, LogRecord } from '#journal/format/record';
import { decodeKeyList, sectionHash } from '#journal/format/segment';
import { bodyOf, readLogObject, type LogObject } from '#journal/log-object-reader';
import { commitRecord, type LogEnd, type LogWriterDeps } from '#journal/log-writer';
import { keyRecordIsSigned } from '#journal/record-signatures';
import type { RecordEffects, SealSession } from '#journal/store/seal-store';
import { checkSegment } from '#journal/verify/segment-check';

/**
 * Takes over the record after `end` when its object is there without a row: someone put it and died, or is
 * slower than we are. False when there is none. CORRUPT when it is not what this log's tail leads to.
 */
export async function adoptNext(deps: LogWriterDeps, session: SealSession, end: LogEnd): Promise<boolean> {
  const found = await readLogObject(deps.objects, end);
  if (found === undefined) return false;
  const effects = await effectsOf(session, found, end);
  await commitRecord(deps, session, { record: found.head.record, bytes: found.object.length, effects });
  return true;
}

/** CORRUPT unless the record stands at the log's end. */
export function checkPlace(key: string, record: LogRecord, end: LogEnd): void {
  const follows =
    record.log.equals(end.log) &&
    record.epoch === end.epoch &&
    record.sequence === end.sequence &&
    record.previous.equals(end.previous);
  if (!follows) throw new CairnError('CORRUPT', `${key} does not follow the log's last record.`);
}

async function effectsOf(session: SealSession, found: LogObject, end: LogEnd): Promise<RecordEffects> {
  const { key, record } = found;
  checkPlace(key, record, end);
  switch (record.kind) {
    case 'segment': {
      const { parts, faults } = checkSegment(found.object, found.head, record, end.chain);
      const [fault] = faults;
      if (fault !== undefined || record.first !== end.position || parts.batches === undefined) {
        throw new CairnError('CORRUPT', `${key}: ${fault?.message ?? 'begins elsewhere than the tail'}`);
      }
      const ledgers = parts.batches.flatMap((batch) => batch.ledger);
      if (parts.batches.length === 0) return {};
      const row = await session.tailRowOfChain(record.chain);
      if (row === undefined) throw new CairnError('CORRUPT', `${key} holds batches that the tail has not.`);
      return { ledgers, sealed: { table: row.table, through: row.number, whole: row.whole } };
    }
    case 'erasure':
      return erasureEffects(found, record);
    case 'key':
      await checkKeyRecord(session, found, record);
      return {};
    case 'epoch':
    case 'unknown':
      throw new CairnError('CORRUPT', `${key} cannot be taken over by a running journal: start it again.`);
  }
}

/** The erasure that the record is of has its record now. */
export function erasureEffects(found: LogObject, record: ErasureFields & LogRecord): RecordEffects {
  const body = bodyOf(found);
  decodeKeyList(body, record.keys);
  if (!sectionHash('keys', body).equals(record.keyListHash)) {
    throw new CairnError('CORRUPT', `${found.key}: the list of keys is not the one that the record names.`);
  }
  return { erasure: record };
}

async function checkKeyRecord(
  session: SealSession,
  found: LogObject,
  record: KeyFields & LogRecord,
): Promise<void> {
  const before = await session.newestKey();
  if (!keyRecordIsSigned(found.head.record, record, before)) {
    throw new CairnError('CORRUPT', `${found.key}: a signing key that its predecessor has not signed.`);
  }
}
