import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint } from '#journal/checkpoint';
import { latestCheckpoint } from '#journal/checkpoint-publisher';
import { decodeBatch } from '#journal/format/batch';
import { decodeLogObjectHead, encodeLogObject } from '#journal/format/log-object';
import { decodeRecord, encodeRecord } from '#journal/format/record';
import { uuidText } from '#journal/format/uuid';
import type { OpenJournal } from '#journal/journal';
import { readLogObject } from '#journal/log-object-reader';
import { Sealer } from '#journal/seal';
import { buildSegment } from '#journal/segment-builder';
import { SealSession } from '#journal/store/seal-store';
import { checkSegment } from '#journal/verify/segment-check';
import { appendEvents, createLogBed, testEvent, type LogBed } from '#test/log-bed';

const MARCH = Date.UTC(2026, 2, 3);
const APRIL = Date.UTC(2026, 3, 3);
const A = '111111111111';
const B = '222222222222';

let bed: LogBed;
let journal: OpenJournal;

beforeEach(async () => {
  bed = await createLogBed();
  await bed.recover();
  journal = await bed.open();
});
afterEach(async () => {
  await journal.close();
  await bed.remove();
});

async function segment(sequence: number) {
  const found = await readLogObject(bed.deps.objects, { epoch: 0, sequence });
  if (found?.record.kind !== 'segment') throw new Error(`record ${sequence} is no segment`);
  return { ...found, record: found.record };
}

describe('sealing', () => {
  it('makes a segment of the tail that stands every check, and readers see the same events', async () => {
    const events = [0, 1, 2, 3, 4, 5].map((n) =>
      testEvent(n % 2 === 0 ? A : B, n, { time: n < 3 ? MARCH : APRIL, bytes: 300 }),
    );
    await appendEvents(journal, events.slice(0, 2));
    await appendEvents(journal, events.slice(2));
    const before = await journal.read({ epoch: 0, position: 0 }, 100);
    expect(await journal.sealer.sealTail()).toBe(0);
    expect(await journal.sealer.sealTail({ force: true })).toBe(1);
    const { object, head, record } = await segment(1);
    const { parts, faults } = checkSegment(object, head, record, Buffer.alloc(32));
    expect(faults).toEqual([]);
    expect(record).toMatchObject({ first: 0, events: 6, blocks: 4 });
    expect(parts.frames?.length).toBe(4);
    const { rows } = await bed.database.pool.query(
      'SELECT count(*)::int AS n FROM (SELECT 1 FROM journal_tail_0 UNION ALL SELECT 1 FROM journal_tail_1) AS tail',
    );
    expect(rows).toEqual([{ n: 0 }]);
    const after = await journal.read({ epoch: 0, position: 0 }, 100);
    expect(after.events).toEqual(before.events);
    expect(after.events.map((event) => event.raw)).toEqual(events.map((event) => event.raw));
  });

  it('signs a checkpoint for every record and copies it to the anchor', async () => {
    await appendEvents(journal, [testEvent(A, 1, { time: MARCH })]);
    await journal.sealer.sealTail({ force: true });
    const first = await readLogObject(bed.deps.objects, { epoch: 0, sequence: 0 });
    if (first?.record.kind !== 'key') throw new Error('record 0 is no key');
    const name = uuidText(first.record.log);
    const newest = await latestCheckpoint(bed.deps.objects);
    expect(newest?.size).toBe(2);
    const key = { name, publicKey: first.record.publicKey };
    expect(openCheckpoint(newest?.note ?? '', [key])).toMatchObject({ origin: name, size: 2 });
    const anchored = await bed.deps.anchor.get(`${name}/0000000000000002`);
    expect(anchored?.toString()).toBe(newest?.note);
    const tiles: string[] = [];
    for await (const tile of bed.deps.objects.list('tile/')) tiles.push(tile);
    expect(tiles).toEqual([
      'tile/0/000.p/1',
      'tile/0/000.p/2',
      'tile/entries/000.p/1',
      'tile/entries/000.p/2',
    ]);
  });

  it('splits a large tail into segments, and the counters stay exact', async () => {
    await journal.close();
    journal = await bed.open({ sealBytes: 3000 });
    for (let n = 0; n < 12; n++) {
      await appendEvents(journal, [testEvent(A, n, { time: MARCH, bytes: 900 })], `key:${n % 2}`);
    }
    const counted = await journal.counters();
    const segments = await journal.sealer.sealTail();
    expect(segments).toBeGreaterThan(1);
    expect(await journal.counters()).toEqual(counted);
    let next = 0;
    for (let sequence = 1; sequence <= segments; sequence++) {
      const { record } = await segment(sequence);
      expect(record.first).toBe(next);
      next += record.events;
    }
    expect(next).toBe(12);
  });

  it('goes on when several seal at once: every event in one segment, once', async () => {
    const others = await Promise.all([bed.open(), bed.open()]);
    for (let round = 0; round < 4; round++) {
      await appendEvents(
        journal,
        [0, 1, 2].map((n) => testEvent(A, round * 10 + n, { time: MARCH })),
      );
      await Promise.all([journal, ...others].map((one) => one.sealer.sealTail({ force: true })));
    }
    for (const other of others) await other.close();
    const { rows } = await bed.database.pool.query<{ record: Buffer }>(
      'SELECT record FROM journal_record WHERE type = 1 ORDER BY sequence',
    );
    const records = rows.map((row) => decodeRecord(row.record));
    const ends = records.map((record) => (record.kind === 'segment' ? record.first + record.events : -1));
    expect(ends).toEqual([3, 6, 9, 12]);
  });

  it('signs nothing more when the newest checkpoint is of another log', async () => {
    await appendEvents(journal, [testEvent(A, 1, { time: MARCH })]);
    await journal.sealer.sealTail({ force: true });
    const other = await createLogBed();
    await other.recover();
    const foreign = await other.deps.objects.get('checkpoint/0000000000000001');
    await other.remove();
    await bed.deps.objects.put('checkpoint/0000000000000002', foreign ?? Buffer.alloc(0));
    await appendEvents(journal, [testEvent(A, 2, { time: MARCH })]);
    const sealer = new Sealer({ ...bed.deps, dataKeys: (list) => journal.dataKeys.byId(list) });
    for (let time = 0; time < 2; time++) {
      await expect(sealer.sealTail({ force: true })).rejects.toMatchObject({ code: 'CORRUPT' });
    }
    expect(await bed.deps.objects.get('checkpoint/0000000000000003')).toBeUndefined();
  });

  it('writes an empty segment when the log was quiet for an hour', async () => {
    let now = Date.now();
    const sealer = new Sealer({ ...bed.deps, dataKeys: () => Promise.resolve(new Map()), now: () => now });
    expect(await sealer.sealTail()).toBe(0);
    now += 3_600_001;
    expect(await sealer.sealTail()).toBe(1);
    expect(await sealer.sealTail()).toBe(0);
    expect((await segment(1)).record).toMatchObject({ first: 0, events: 0, blocks: 0 });
  });

  it('goes on sealing, and writing empty segments, while the clock is behind what it once showed', async () => {
    let now = Date.now();
    let monotonic = 0;
    const deps = { ...bed.deps, dataKeys: (ids: readonly Buffer[]) => journal.dataKeys.byId(ids) };
    const sealer = new Sealer({ ...deps, now: () => now, monotonic: () => monotonic });
    await appendEvents(journal, [testEvent(A, 0, { time: MARCH })]);
    now -= 86_400_000;
    expect(await sealer.sealTail()).toBe(0);
    monotonic += 60_000;
    expect(await sealer.sealTail()).toBe(1);
    await appendEvents(journal, [testEvent(A, 1, { time: MARCH })]);
    expect(await sealer.sealTail()).toBe(0);
    monotonic += 60_000;
    expect(await sealer.sealTail()).toBe(1);
    for (let hour = 0; hour < 2; hour++) {
      expect(await sealer.sealTail()).toBe(0);
      monotonic += 3_600_000;
      expect(await sealer.sealTail()).toBe(1);
    }
    const times = await Promise.all(
      [1, 2, 3, 4].map(async (sequence) => (await segment(sequence)).record.time),
    );
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('and reading go on at positions and batches beyond 32 bits', async () => {
    const first = 2 ** 40 + 5;
    const { pool } = bed.database;
    await pool.query('UPDATE journal_log SET position = $1, batches = $2', [first, 2 ** 33]);
    const events = [0, 1, 2].map((n) => testEvent(n < 2 ? A : B, n, { time: MARCH }));
    const outcomes = await appendEvents(journal, events);
    const places = events.map((_, index) => ({ epoch: 0, position: first + index }));
    expect(outcomes).toEqual(places.map((place) => ({ result: 'RECORDED', place })));
    expect(await appendEvents(journal, events)).toEqual(
      places.map((place) => ({ result: 'DUPLICATE', place })),
    );
    expect((await journal.get(places)).map((event) => event?.raw)).toEqual(events.map(({ raw }) => raw));
    const slice = await journal.read({ epoch: 0, position: first + 1 }, 100);
    expect(slice).toMatchObject({ next: { epoch: 0, position: first + 3 }, behind: 0 });
    expect(slice.events.map((event) => event.eventId)).toEqual(['event-1', 'event-2']);

    await using session = await SealSession.open(pool, true);
    const { rows } = (await session?.tailRows(0, -1, 1)) ?? { rows: [] };
    const log = (await session?.head())?.log ?? Buffer.alloc(0);
    const batches = rows.map((row) => ({ ...row, batch: decodeBatch(row.payload) }));
    const none = Buffer.alloc(32);
    const { fields, body } = buildSegment({ log, epoch: 0, first, chain: none }, batches, new Map());
    const place = { log, epoch: 0, sequence: 2 ** 33, previous: none, time: 1 };
    const object = encodeLogObject(encodeRecord(place, { kind: 'segment', ...fields }), body);
    const head = decodeLogObjectHead(object);
    const record = decodeRecord(head.record);
    if (record.kind !== 'segment') throw new Error('no segment');
    expect(record).toMatchObject({ first, events: 3, sequence: 2 ** 33 });
    expect(checkSegment(object, head, record, none).faults).toEqual([]);
  });
});
