import {
  commitmentOffset,
  encodeBatch,
  encodeLedger,
  Entries,
  ENTRY_BYTES,
  batchHash,
  nextChain,
  writeEntry,
  type Batch,
} from '#journal/format/batch';
import { signCheckpoint } from '#journal/checkpoint';
import { encodeEnvelope } from '#journal/format/envelope';
import { Commitments, encodePlain, sealFrame } from '#journal/format/frame';
import { Identities } from '#journal/format/identity';
import { encodeLogObject, logObjectKey } from '#journal/format/log-object';
import { monthOf } from '#journal/format/month';
import { encodeRecord, EPOCH_END_UNKNOWN, recordLeaf, type RecordPlace } from '#journal/format/record';
import { encodeKeyList, sectionHash } from '#journal/format/segment';
import { uuidText } from '#journal/format/uuid';
import { CompactRange } from '#journal/merkle/compact-range';
import { leafHash } from '#journal/merkle/hash';
import { consistencyPath, inclusionPath, subtreesOf } from '#journal/merkle/proof';
import { encodeVkey } from '#journal/note';
import { signEpochRecord, signKeyRecord } from '#journal/record-signatures';
import { buildSegment } from '#journal/segment-builder';
import { signingKeyOf } from '#journal/signing-key';
import { encodeBundle } from '#journal/tiles';

/** Bytes `from`, `from + 1`, …: easy to recognise in a dump. */
function counting(from: number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (from + index) % 256));
}

const LOG = counting(0x10, 16);
const EPOCH = 0;
const ACCOUNT = 111122223333;
const OTHER = 444455556666;
const TIME = Date.UTC(2026, 2, 3, 4, 5, 6);
const RECEIVED = Date.UTC(2026, 2, 3, 4, 5, 7);
const SOURCE = 'key:test';
const CONTENT_SECRET = counting(0x40, 32);
const EVENTS = [
  { account: ACCOUNT, id: 'e-1', raw: Buffer.from('{"eventID":"e-1"}') },
  { account: OTHER, id: 'e-2', raw: Buffer.from('{"eventID":"e-2"}') },
  { account: ACCOUNT, id: 'é-3', raw: Buffer.from('{"eventID":"é-3"}') },
];

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Keys, frames and commitments of the two accounts' events, with fixed seeds, keys and nonces. */
function frames(entries: Buffer) {
  return [ACCOUNT, OTHER].map((account, number) => {
    const indexes = EVENTS.flatMap((event, index) => (event.account === account ? [index] : []));
    const seed = counting(0x60 + number * 32, 32);
    const commitments = new Commitments();
    const raws = indexes.map((index) => EVENTS[index]?.raw ?? Buffer.alloc(0));
    for (const [at, index] of indexes.entries()) {
      commitments.commit({ seed, index: at }, raws[at] ?? Buffer.alloc(0), entries, commitmentOffset(index));
    }
    const plain = encodePlain([{ seed, firstIndex: 0, count: raws.length }], raws);
    const key = { id: counting(0xa0 + number, 16), secret: counting(0xb0 + number, 32) };
    const random = { frameId: counting(0xc0 + number, 16), nonce: counting(0xd0 + number, 12) };
    const stored = sealFrame({ log: LOG, account }, key, { plain, count: raws.length }, random);
    return { account, month: monthOf(TIME), stored, indexes: Uint32Array.from(indexes), plain, key, seed };
  });
}

function batch(): { batch: Batch; parts: ReturnType<typeof frames> } {
  const bytes = Buffer.alloc(EVENTS.length * ENTRY_BYTES);
  const identities = new Identities(CONTENT_SECRET);
  for (const [index, event] of EVENTS.entries()) {
    const identityKey = Buffer.alloc(16);
    const contentHash = Buffer.alloc(8);
    identities.identityKey(event.account, event.id, identityKey, 0);
    identities.contentHash(event.raw, contentHash, 0);
    writeEntry(bytes, index, {
      account: event.account,
      source: 0,
      eventTime: TIME,
      identityKey,
      contentHash,
    });
  }
  const parts = frames(bytes);
  const counts = { received: 5, accepted: 3, duplicate: 1, conflict: 0, refused: 1 };
  const ledger = [{ source: SOURCE, ...counts }];
  return { batch: { id: counting(0x80, 16), ledger, entries: new Entries(bytes), frames: parts }, parts };
}

/** A log of five records: key, segment, erasure, key, epoch. */
function log(one: Batch, chain: Buffer) {
  const keys = [signingKeyOf(counting(1, 32)), signingKeyOf(counting(2, 32))] as const;
  const records: Buffer[] = [];
  const place = (epoch = EPOCH): RecordPlace => ({
    log: LOG,
    epoch,
    sequence: records.length,
    previous: records.length === 0 ? Buffer.alloc(32) : recordLeaf(records.at(-1) ?? Buffer.alloc(0)),
    time: RECEIVED + 60_000 * records.length,
  });
  records.push(signKeyRecord(place(), keys[0], undefined));
  const start = { log: LOG, epoch: EPOCH, first: 0, chain: Buffer.alloc(32) };
  const segment = buildSegment(start, [{ batch: one, first: 0, receivedAt: RECEIVED, chain }], new Map());
  records.push(encodeRecord(place(), { kind: 'segment', ...segment.fields }));
  const list = encodeKeyList([{ id: counting(0xa0, 16), month: monthOf(TIME) }]);
  const keyListHash = sectionHash('keys', list);
  records.push(
    encodeRecord(place(), { kind: 'erasure', account: ACCOUNT, before: 0, upTo: 3, keys: 1, keyListHash }),
  );
  records.push(signKeyRecord(place(), keys[1], keys[0]));
  const fields = { oldEpoch: EPOCH, oldEnd: 3, reason: EPOCH_END_UNKNOWN };
  records.push(signEpochRecord(place(EPOCH + 1), fields, keys[1]));
  const bodies = [[], segment.body, [list], [], []];
  const objects = records.map((record, index) => ({
    key: logObjectKey(index === 4 ? EPOCH + 1 : EPOCH, index),
    object: hex(encodeLogObject(record, bodies[index] ?? [])),
  }));
  return { keys, records, objects };
}

/** Everything in test/vectors/journal-1.json, but for the compressed frame, whose bytes depend on zstd's version. */
export async function buildVectors() {
  const { batch: one, parts } = batch();
  const ledger = encodeLedger(one.ledger);
  const hash = batchHash(one.id, ledger, one.entries.bytes);
  const chain = nextChain(Buffer.alloc(32), hash, { first: 0, receivedAt: RECEIVED });
  const { keys, records, objects } = log(one, chain);
  const leaves = Buffer.concat(records.map((record) => recordLeaf(record)));
  const tree = new CompactRange();
  const origin = uuidText(LOG);
  const checkpoints = records.map((_, index) => {
    tree.append(leaves, index * 32);
    const key = index < 3 ? keys[0] : keys[1];
    return signCheckpoint({ size: tree.size, root: tree.root() }, { ...key, name: origin });
  });
  const envelope = encodeEnvelope({
    log: LOG,
    epoch: EPOCH,
    position: 2,
    receivedAt: RECEIVED,
    account: ACCOUNT,
    source: SOURCE,
  });
  const commitment = one.entries.commitment(2);
  const leaf = Buffer.concat([Buffer.from('E'), envelope, commitment]);
  const read = subtreesOf(leaves);
  return {
    format: 'cairn-journal/1',
    log: origin,
    contentSecret: hex(CONTENT_SECRET),
    event: {
      account: String(ACCOUNT),
      position: 2,
      receivedAt: RECEIVED,
      source: SOURCE,
      eventId: 'é-3',
      raw: hex(EVENTS[2]?.raw ?? Buffer.alloc(0)),
      seed: hex(parts[0]?.seed ?? Buffer.alloc(0)),
      seedIndex: 1,
      identityKey: hex(one.entries.identityKey(2)),
      contentHash: hex(one.entries.contentHash(2)),
      commitment: hex(commitment),
      envelope: hex(envelope),
      leaf: hex(leaf),
      leafHash: hex(leafHash(leaf)),
    },
    frames: parts.map(({ account, key, plain, stored }) => ({
      account: String(account),
      key: hex(key.secret),
      plain: hex(plain),
      stored: hex(stored),
    })),
    batch: {
      bytes: hex(encodeBatch(one)),
      hash: hex(hash),
      first: 0,
      receivedAt: RECEIVED,
      chain: hex(chain),
    },
    records: records.map((record) => ({ record: hex(record), leafHash: hex(recordLeaf(record)) })),
    objects,
    entryBundle: hex(encodeBundle(records)),
    signingSeeds: [hex(counting(1, 32)), hex(counting(2, 32))],
    vkeys: keys.map(({ publicKey }) => encodeVkey({ name: origin, publicKey })),
    checkpoints,
    inclusion: {
      index: 1,
      size: 5,
      path: (await inclusionPath(1, 5, read)).map(hex),
      root: hex(tree.root()),
    },
    consistency: { old: 3, size: 5, path: (await consistencyPath(3, 5, read)).map(hex) },
  };
}
