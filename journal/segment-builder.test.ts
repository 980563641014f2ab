import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  batchHash,
  commitmentOffset,
  encodeLedger,
  Entries,
  ENTRY_BYTES,
  nextChain,
  writeEntry,
} from '#journal/format/batch';
import {
  Commitments,
  encodePlain,
  newSeed,
  openFrame,
  sealFrame,
  type FrameKey,
} from '#journal/format/frame';
import { decodeLogObjectHead, encodeLogObject } from '#journal/format/log-object';
import { monthOf } from '#journal/format/month';
import { decodeRecord, encodeRecord, firstPrevious } from '#journal/format/record';
import { buildSegment, type TailBatch } from '#journal/segment-builder';
import { checkSegment, type SegmentParts } from '#journal/verify/segment-check';

const LOG = randomBytes(16);
const MARCH = Date.UTC(2026, 2, 3);
const START = { log: LOG, epoch: 0, first: 100, chain: Buffer.alloc(32, 1) };

function newKey(): FrameKey {
  return { id: randomBytes(16), secret: randomBytes(32) };
}

function keysOf(...keys: FrameKey[]): ReadonlyMap<string, FrameKey> {
  return new Map(keys.map((key) => [key.id.toString('hex'), key]));
}

interface EventToSeal {
  readonly account: number;
  readonly key: FrameKey;
  readonly raw: Buffer;
}

function event(account: number, key: FrameKey, bytes = 40): EventToSeal {
  return { account, key, raw: randomBytes(bytes) };
}

/** A batch with a frame an event, placed after the batches before it. */
function tailBatch(before: readonly TailBatch[], events: readonly EventToSeal[]): TailBatch {
  const last = before.at(-1);
  const first = last === undefined ? START.first : last.first + last.batch.entries.count;
  const bytes = Buffer.alloc(events.length * ENTRY_BYTES);
  const commitments = new Commitments();
  const frames = events.map(({ account, key, raw }, index) => {
    const seed = newSeed();
    writeEntry(bytes, index, {
      account,
      source: 0,
      eventTime: MARCH,
      identityKey: randomBytes(16),
      contentHash: randomBytes(8),
    });
    commitments.commit({ seed, index: 0 }, raw, bytes, commitmentOffset(index));
    const plain = encodePlain([{ seed, firstIndex: 0, count: 1 }], [raw]);
    const stored = sealFrame({ log: LOG, account }, key, { plain, count: 1 });
    return { account, month: monthOf(MARCH), stored, indexes: Uint32Array.of(index) };
  });
  const id = randomBytes(16);
  const count = events.length;
  const ledger = [
    { source: 'key:a', received: count, accepted: count, duplicate: 0, conflict: 0, refused: 0 },
  ];
  const receivedAt = MARCH + before.length;
  const hash = batchHash(id, encodeLedger(ledger), bytes);
  const chain = nextChain(last?.chain ?? START.chain, hash, { first, receivedAt });
  return { batch: { id, ledger, entries: new Entries(bytes), frames }, first, receivedAt, chain };
}

function tail(...batches: readonly EventToSeal[][]): TailBatch[] {
  const placed: TailBatch[] = [];
  for (const events of batches) placed.push(tailBatch(placed, events));
  return placed;
}

/** Builds, reads back and checks; the events of each frame under the keys. */
function sealAndOpen(
  batches: readonly TailBatch[],
  keys: ReadonlyMap<string, FrameKey>,
): { parts: SegmentParts; frames: { events: Buffer[] | undefined; positions: number[] }[] } {
  const { fields, body } = buildSegment(START, batches, keys);
  const place = { log: LOG, epoch: 0, sequence: 5, previous: firstPrevious(), time: MARCH };
  const object = encodeLogObject(encodeRecord(place, { kind: 'segment', ...fields }), body);
  const head = decodeLogObjectHead(object);
  const record = decodeRecord(head.record);
  if (record.kind !== 'segment') throw new Error('no segment');
  const { parts, faults } = checkSegment(object, head, record, START.chain);
  expect(faults).toEqual([]);
  const frames = (parts.frames ?? []).map((frame) => {
    const from = (parts.framesOffset ?? 0) + frame.offset;
    const key = keys.get(frame.keyId.toString('hex'));
    const account = parts.blocks?.[frame.block]?.account ?? 0;
    const open = key && openFrame(object.subarray(from, from + frame.length), { log: LOG, account }, key);
    const events = open && Array.from({ length: open.count }, (_, index) => open.event(index));
    return { events, positions: [...frame.positions].map((offset) => START.first + offset) };
  });
  return { parts, frames };
}

describe('a segment', () => {
  it("joins an account-month's small frames of all batches into one, bytes and order kept", () => {
    const [one, two] = [newKey(), newKey()];
    const events = [event(1, one), event(2, two), event(1, one), event(1, one), event(2, two)];
    const { frames } = sealAndOpen(tail(events.slice(0, 2), events.slice(2)), keysOf(one, two));
    expect(frames).toEqual([
      { events: [events[0]?.raw, events[2]?.raw, events[3]?.raw], positions: [100, 102, 103] },
      { events: [events[1]?.raw, events[4]?.raw], positions: [101, 104] },
    ]);
  });

  it('copies full frames as they are, and closes joined ones at 64 KB', () => {
    const key = newKey();
    const events = [event(1, key, 35_000), ...Array.from({ length: 6 }, () => event(1, key, 15_000))];
    const batches = tail(events);
    const { frames, parts } = sealAndOpen(batches, keysOf(key));
    expect(frames.map(({ positions }) => positions)).toEqual([[100], [101, 102, 103, 104], [105, 106]]);
    const copied = batches[0]?.batch.frames[0]?.stored;
    expect(parts.frames?.[0]?.frameId).toEqual(copied?.subarray(24, 40));
  });

  it('never puts an event under another key than its own: what an erasure destroys stays destroyed', () => {
    const [before, after] = [newKey(), newKey()];
    const events = [event(1, before), event(1, before), event(1, after), event(1, after)];
    const both = sealAndOpen(tail(events), keysOf(before, after));
    expect(both.parts.frames?.map(({ keyId }) => keyId)).toEqual([before.id, after.id]);
    const erased = sealAndOpen(tail(events), keysOf(after));
    expect(erased.frames.map(({ positions }) => positions)).toEqual([[100], [101], [102, 103]]);
    expect(erased.parts.frames?.map(({ keyId }) => keyId)).toEqual([before.id, before.id, after.id]);
  });

  it('seals a damaged frame as it is: verify will name it, the log goes on', () => {
    const key = newKey();
    const batches = tail([event(1, key), event(1, key), event(1, key)]);
    const stored = batches[0]?.batch.frames[1]?.stored;
    stored?.writeUInt8(stored.readUInt8(70) ^ 1, 70);
    const { fields } = buildSegment(START, batches, keysOf(key));
    expect(fields.events).toBe(3);
  });

  it('may hold batches that only count, and may hold none', () => {
    const key = newKey();
    expect(sealAndOpen(tail([], [event(1, key)], []), keysOf(key)).parts.batches?.length).toBe(3);
    expect(sealAndOpen([], keysOf()).parts.batches).toEqual([]);
  });

  it('is refused when the tail is not what PostgreSQL chained, or frames do not cover it', () => {
    const key = newKey();
    const make = (change: (batch: TailBatch) => TailBatch) => () => {
      const [one, two] = tail([event(1, key), event(1, key)], [event(1, key)]);
      if (one !== undefined && two !== undefined) buildSegment(START, [change(one), two], keysOf(key));
    };
    const { frames } = tail([event(1, key)])[0]?.batch ?? { frames: [] };
    expect(make((batch) => batch)).not.toThrow();
    expect(make((batch) => ({ ...batch, receivedAt: 5 }))).toThrow(/chain broken/);
    expect(make((batch) => ({ ...batch, first: 101 }))).toThrow(/begins at 101/);
    expect(make((batch) => ({ ...batch, batch: { ...batch.batch, frames: [] } }))).toThrow(/no frame holds/);
    expect(
      make((batch) => ({ ...batch, batch: { ...batch.batch, frames: [...batch.batch.frames, ...frames] } })),
    ).toThrow(/two frames hold/);
  });
});
