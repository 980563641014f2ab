import { CairnError } from '#domain/errors';
import { dataKeyObject } from '#journal/data-keys';
import { decodeRecord, type ErasureFields, type LogRecord, type SegmentFields } from '#journal/format/record';
import { decodeKeyList, sectionHash } from '#journal/format/segment';
import { bodyOf, type LogObject } from '#journal/log-object-reader';
import type { LogEnd } from '#journal/log-writer';
import { epochRecordIsSigned, keyRecordIsSigned } from '#journal/record-signatures';
import {
  deleteTailRows,
  forgetFrom,
  insertBatches,
  insertDataKeys,
  insertErasure,
  makePartitions,
  moveHead,
  tailLinks,
  type KnownDataKey,
  type TailLink,
} from '#journal/store/replay-store';
import type { RecordEffects, SealSession } from '#journal/store/seal-store';
import { batchesWithEntries, checkSegment } from '#journal/verify/segment-check';
import type { ObjectStore } from '#platform/objects/object-store';

/**
 * Turns an object that PostgreSQL does not know into rows: an older copy of the database was restored, or it is
 * rebuilt from nothing. CORRUPT when the object does not follow `end`, or PostgreSQL holds events at the same
 * positions that are not in it.
 */
export async function replayObject(
  keyObjects: ObjectStore,
  session: SealSession,
  found: LogObject,
  end: LogEnd,
): Promise<RecordEffects> {
  const { record, key } = found;
  const epoch = record.kind === 'epoch' ? record.oldEpoch : record.epoch;
  const follows =
    record.log.equals(end.log) &&
    epoch === end.epoch &&
    record.sequence === end.sequence &&
    record.previous.equals(end.previous);
  if (!follows) throw new CairnError('CORRUPT', `${key} does not follow the log's last record.`);
  return effectsOf(keyObjects, session, found, end);
}

async function effectsOf(
  keyObjects: ObjectStore,
  session: SealSession,
  found: LogObject,
  end: LogEnd,
): Promise<RecordEffects> {
  const { record } = found;
  switch (record.kind) {
    case 'segment':
      return replaySegment(session, found, record, end);
    case 'erasure':
      return replayErasure(keyObjects, found, record);
    case 'key':
      if (keyRecordIsSigned(found.head.record, record, await session.newestKey())) return {};
      throw new CairnError('CORRUPT', `${found.key}: a signing key that its predecessor has not signed.`);
    case 'epoch': {
      const newest = await session.newestKey();
      const signer = newest === undefined ? undefined : decodeRecord(newest);
      const signed = signer?.kind === 'key' && epochRecordIsSigned(record, signer.publicKey);
      if (!signed || record.oldEnd !== end.position || record.epoch <= end.epoch) {
        throw new CairnError('CORRUPT', `${found.key}: not an epoch that the log's key has begun here.`);
      }
      return beginEpoch({ ...end, epoch: record.epoch });
    }
    case 'unknown':
      return {};
  }
}

/**
 * The head in a new epoch, at the sealed end or after the tail's batches that are of that epoch already; the rest
 * of the tail and what was known of its events go.
 */
export function beginEpoch(end: LogEnd): RecordEffects {
  return {
    also: async (client) => {
      const { links } = await tailLinks(client);
      const kept = links.filter(({ epoch }) => epoch === end.epoch);
      const { position, chain, broken } = followLinks(kept, end);
      const lost = links.filter(({ epoch }) => epoch !== end.epoch).map(({ number }) => number);
      await deleteTailRows(client, [...lost, ...broken]);
      await forgetFrom(client, { position: end.position, kept: { epoch: end.epoch, before: position } });
      await moveHead(client, { epoch: end.epoch, position, chain, receivedAt: 0 });
    },
  };
}

/** Follows batches of the tail from the last segment on; `broken`: the rows from the first that does not fit. */
export function followLinks(
  links: readonly TailLink[],
  end: Pick<LogEnd, 'position' | 'chain'>,
): { readonly position: number; readonly chain: Buffer; readonly broken: readonly number[] } {
  let { position, chain } = end;
  const broken: number[] = [];
  for (const link of links) {
    if (broken.length > 0 || link.first !== position) {
      broken.push(link.number);
      continue;
    }
    position = link.first + link.count;
    chain = link.chain;
  }
  return { position, chain, broken };
}

async function replaySegment(
  session: SealSession,
  found: LogObject,
  record: SegmentFields & LogRecord,
  end: LogEnd,
): Promise<RecordEffects> {
  const { parts, faults } = checkSegment(found.object, found.head, record, end.chain);
  const [fault] = faults;
  const { batches, entries, frames, blocks } = parts;
  const whole =
    batches !== undefined && entries !== undefined && frames !== undefined && blocks !== undefined;
  if (fault !== undefined || !whole || record.first !== end.position) {
    throw new CairnError(
      'CORRUPT',
      `${found.key}: ${fault?.message ?? 'begins elsewhere than the log ends'}`,
    );
  }
  const sealed = [...batchesWithEntries(record.first, batches, entries)].map(({ batch, first }, index) => ({
    id: batches[index]?.id ?? Buffer.alloc(16),
    first,
    epoch: record.epoch,
    entries: batch.entries,
  }));
  const stale = await supersededRows(session, found.key, {
    ids: new Set(sealed.map(({ id }) => id.toString('hex'))),
    to: record.first + record.events,
  });
  await makePartitions(session.client, entries);
  const keys = new Map<string, KnownDataKey>();
  for (const frame of frames) {
    const block = blocks[frame.block];
    if (block !== undefined) keys.set(frame.keyId.toString('hex'), { ...block, id: frame.keyId });
  }
  return {
    ledgers: batches.flatMap((batch) => batch.ledger),
    also: async (client) => {
      await deleteTailRows(client, stale);
      await insertBatches(client, sealed);
      await insertDataKeys(client, [...keys.values()]);
      const position = record.first + record.events;
      await moveHead(client, {
        epoch: end.epoch,
        position,
        chain: record.chain,
        receivedAt: record.receivedTo,
      });
    },
  };
}

/** Rows of the tail that the segment holds too. Rows that it should hold and does not are another history. */
async function supersededRows(
  session: SealSession,
  key: string,
  segment: { readonly ids: ReadonlySet<string>; readonly to: number },
): Promise<number[]> {
  const { links } = await tailLinks(session.client);
  const held = (batch: Buffer): boolean => segment.ids.has(batch.toString('hex'));
  const foreign = links.find(({ first, batch }) => first < segment.to && !held(batch));
  if (foreign !== undefined) {
    throw new CairnError(
      'CORRUPT',
      `PostgreSQL has other events at position ${foreign.first} than ${key}: it went on from an older copy.`,
    );
  }
  return links.filter(({ batch }) => held(batch)).map(({ number }) => number);
}

/** The rows of the erasure, and its key objects gone for good: an older copy may have brought them back. */
async function replayErasure(
  keyObjects: ObjectStore,
  found: LogObject,
  record: ErasureFields & LogRecord,
): Promise<RecordEffects> {
  const body = bodyOf(found);
  if (!sectionHash('keys', body).equals(record.keyListHash)) {
    throw new CairnError('CORRUPT', `${found.key}: the list of keys is not the one that the record names.`);
  }
  const keys = decodeKeyList(body, record.keys).map((key) => ({ ...key, account: record.account }));
  for (const key of keys) await keyObjects.delete(dataKeyObject(key));
  const { account, before, upTo, epoch, time, sequence } = record;
  const erasure = { account, before, upTo, epoch, at: time, sequence };
  return { also: (client) => insertErasure(client, erasure, keys) };
}
