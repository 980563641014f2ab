import { anchorKey, checkpointKey } from '#journal/checkpoint';
import { EVENT_ID_KEY, EventIds } from '#journal/event-id';
import { encodeEnvelope } from '#journal/format/envelope';
import { Commitments } from '#journal/format/frame';
import { decodeLogObjectHead } from '#journal/format/log-object';
import { monthName } from '#journal/format/month';
import { decodeRecord, recordLeaf } from '#journal/format/record';
import { blockLeafInput } from '#journal/format/segment';
import { leafHash } from '#journal/merkle/hash';
import { inclusionPath, subtreesOf } from '#journal/merkle/proof';
import { TileBuilder, tileKey } from '#journal/tiles';
import { batchesWithEntries, checkSegment } from '#journal/verify/segment-check';
import { PROOF_FORMAT, type InclusionProof } from '#journal/verify-proof';
import type { KeyProvider } from '#platform/keys';
import type { buildVectors } from '#test/vectors/build-vectors';

/** 64 hexadecimal digits, as the file has them. */
export const MASTER_KEY = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const PURPOSES = ['wrap', 'content-hash', EVENT_ID_KEY];

type Log = Awaited<ReturnType<typeof buildVectors>>;

/**
 * Everything in test/vectors/journal-1-files.json, but for the wrapped key, whose nonce is random: what hangs on the
 * master key, tiles and names of the log in journal-1.json, and a proof file of its event.
 */
export async function buildFileVectors(log: Log, master: KeyProvider) {
  const records = log.records.map(({ record }) => Buffer.from(record, 'hex'));
  const builder = new TileBuilder();
  const tiles = records.flatMap((record) => builder.append(record, recordLeaf(record)));
  const { position } = log.event;
  const eventTime = Date.UTC(2026, 2, 3, 4, 5, 6);
  return {
    format: 'cairn-journal-files/1',
    masterKey: MASTER_KEY,
    derived: Object.fromEntries(PURPOSES.map((purpose) => [purpose, master.derive(purpose).toString('hex')])),
    eventId: {
      epoch: 0,
      position,
      eventTime,
      id: new EventIds(master.derive(EVENT_ID_KEY)).encode({ epoch: 0, position }, eventTime),
    },
    tiles: Object.fromEntries(tiles.map((tile) => [tileKey(tile), tile.bytes.toString('hex')])),
    checkpointNames: records.map((record, index) => {
      const place = { epoch: decodeRecord(record).epoch, size: index + 1 };
      return { object: checkpointKey(place.size), anchor: anchorKey(log.log, place) };
    }),
    proof: { vkey: log.vkeys[1], file: JSON.stringify(await proofOf(log, records)) },
  };
}

/** Of the event in the vectors of the log, under the newest checkpoint, showing it. */
async function proofOf(log: Log, records: readonly Buffer[]): Promise<InclusionProof> {
  const { event } = log;
  const object = Buffer.from(log.objects[1]?.object ?? '', 'hex');
  const head = decodeLogObjectHead(object);
  const record = decodeRecord(head.record);
  if (record.kind !== 'segment') throw new Error('the second record is a segment');
  const { blocks = [], entries, batches = [] } = checkSegment(object, head, record, Buffer.alloc(32)).parts;
  if (entries === undefined) throw new Error('the segment has entries');
  const [batch] = [...batchesWithEntries(record.first, batches, entries)];
  const account = Number(event.account);
  const own = [0, 1, 2].filter((index) => batch?.batch.entries.account(index) === account);
  const leaves = own.map((position) => {
    const envelope = encodeEnvelope({ ...place(log, record.log), position, account });
    return leafHash(Buffer.concat([Buffer.from('E'), envelope, entries.commitment(position)]));
  });
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const path = async (index: number, hashes: readonly Buffer[]): Promise<string[]> =>
    (await inclusionPath(index, hashes.length, subtreesOf(Buffer.concat(hashes)))).map(base64);
  const salt = Buffer.alloc(32);
  new Commitments().salt(Buffer.from(event.seed, 'hex'), event.seedIndex, salt, 0);
  const at = blocks.findIndex((block) => block.account === account);
  const block = blocks[at];
  if (block === undefined) throw new Error('the event has a block');
  const index = own.indexOf(event.position);
  const blockLeaves = blocks.map((one) => leafHash(blockLeafInput(one)));
  return {
    format: PROOF_FORMAT,
    log: log.log,
    envelope: base64(Buffer.from(event.envelope, 'hex')),
    commitment: base64(Buffer.from(event.commitment, 'hex')),
    salt: base64(salt),
    event: base64(Buffer.from(event.raw, 'hex')),
    block: {
      account: event.account,
      month: monthName(block.month),
      count: block.count,
      index,
      path: await path(index, leaves),
    },
    segment: { record: base64(head.record), index: at, path: await path(at, blockLeaves) },
    logIndex: 1,
    logPath: await path(1, records.map(recordLeaf)),
    checkpoint: log.checkpoints.at(-1) ?? '',
  };
}

function place(log: Log, uuid: Buffer) {
  const { receivedAt, source } = log.event;
  return { log: uuid, epoch: 0, receivedAt, source };
}
