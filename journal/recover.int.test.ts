import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenJournal } from '#journal/journal';
import { recoverJournal } from '#journal/recover';
import { Sealer } from '#journal/seal';
import type { Place } from '#journal/types';
import type { Pool } from '#platform/db';
import { verifyRows } from '#journal/verify/rows-check';
import { createTestDatabase } from '#test/harness';
import { appendEvents, createLogBed, testEvent, type LogBed } from '#test/log-bed';

const MARCH = Date.UTC(2026, 2, 3);
const APRIL = Date.UTC(2026, 3, 3);
const A = '111111111111';
const B = '222222222222';
const START: Place = { epoch: 0, position: 0 };

const TABLES = [
  'journal_log',
  'journal_tail_0',
  'journal_tail_1',
  'journal_batch',
  'journal_key',
  'journal_data_key',
  'journal_erasure',
  'journal_record',
  'journal_counter',
  'journal_refusal',
];

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

async function append(from: number, to: number): Promise<void> {
  const events = [];
  for (let n = from; n < to; n++) {
    events.push(testEvent(n % 2 === 0 ? A : B, n, { time: n % 3 === 0 ? MARCH : APRIL }));
  }
  await appendEvents(journal, events, `key:${from}`);
}

async function seal(): Promise<void> {
  await journal.sealer.sealTail({ force: true });
}

async function eventIds(): Promise<string[]> {
  const found: string[] = [];
  for (let from = START; ;) {
    const slice = await journal.read(from, 1000);
    found.push(...slice.events.map((event) => event.eventId));
    if (slice.behind === 0) return found;
    from = slice.next;
  }
}

function ids(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `event-${from + index}`);
}

/** What an administrator's backup of the database would hold. */
async function saveDatabase(pool: Pool): Promise<void> {
  await pool.query('CREATE SCHEMA saved');
  for (const table of TABLES) await pool.query(`CREATE TABLE saved.${table} AS TABLE ${table}`);
}

async function restoreDatabase(pool: Pool): Promise<void> {
  for (const table of TABLES) {
    await pool.query(`TRUNCATE ${table}`);
    await pool.query(`INSERT INTO ${table} SELECT * FROM saved.${table}`);
  }
}

async function rowsOf(pool: Pool): Promise<Record<string, unknown>> {
  const queries = {
    record: 'SELECT * FROM journal_record ORDER BY sequence',
    batch: 'SELECT * FROM journal_batch ORDER BY first',
    key: 'SELECT * FROM journal_key ORDER BY hour, key',
    counter: 'SELECT * FROM journal_counter ORDER BY source',
    dataKey:
      'SELECT id, account, month, destroyed_at IS NULL AS alive, erasure FROM journal_data_key ORDER BY id',
    erasure:
      'SELECT number, account, before_month, up_to, epoch, sequence FROM journal_erasure ORDER BY number',
  };
  const found: Record<string, unknown> = {};
  for (const [name, sql] of Object.entries(queries)) found[name] = (await pool.query(sql)).rows;
  return found;
}

/** The journal as another start would find it. */
async function restart(): Promise<Awaited<ReturnType<LogBed['recover']>>> {
  await journal.close();
  const recovery = await bed.recover();
  journal = await bed.open();
  await journal.resumeErasures();
  return recovery;
}

describe('a start', () => {
  it('changes nothing when nothing happened, tail or no tail', async () => {
    await append(0, 5);
    await seal();
    await append(5, 8);
    const before = await rowsOf(bed.database.pool);
    expect(await restart()).toEqual({ created: false, rebuilt: false, replayed: 0, newEpoch: undefined });
    expect(await rowsOf(bed.database.pool)).toEqual(before);
    expect(await eventIds()).toEqual(ids(0, 8));
  });

  it('may run while others append and seal', async () => {
    const work = (async (): Promise<void> => {
      for (let n = 0; n < 30; n++) {
        await append(n * 2, n * 2 + 2);
        if (n % 7 === 0) await seal();
      }
    })();
    for (let n = 0; n < 10; n++) {
      expect(await bed.recover()).toMatchObject({ replayed: 0, newEpoch: undefined });
    }
    await work;
    expect(await eventIds()).toEqual(ids(0, 60));
  });

  it.each(['flipped', 'built', 'put', 'read-back', 'committed', 'tiles', 'checkpoint', 'anchored'])(
    'takes up a sealing that ended at the step "%s"',
    async (last) => {
      await append(0, 4);
      await append(4, 8);
      const before = await journal.counters();
      const sealer = new Sealer({
        ...bed.deps,
        dataKeys: (list) => journal.dataKeys.byId(list),
        step: (name) => {
          if (name === last) throw new Error(`cut at ${name}`);
        },
      });
      await expect(sealer.sealTail({ force: true })).rejects.toThrow(`cut at ${last}`);
      expect((await restart()).newEpoch).toBeUndefined();
      await append(8, 9);
      await seal();
      expect(await eventIds()).toEqual(ids(0, 9));
      const after = await journal.counters();
      expect(after.filter(({ source }) => source !== 'key:8')).toEqual(before);
      const { rows } = await bed.database.pool.query('SELECT count(*)::int AS n FROM journal_record');
      const checkpoints: string[] = [];
      for await (const key of bed.deps.objects.list('checkpoint/')) checkpoints.push(key);
      expect(rows).toEqual([{ n: checkpoints.length }]);
    },
  );

  it('rebuilds all rows from objects when PostgreSQL is lost', async () => {
    await append(0, 6);
    await seal();
    await append(6, 12);
    await journal.erase({ account: B, before: Date.UTC(2026, 3, 1) });
    await journal.sealer.rotateSigningKey();
    await append(12, 20);
    await seal();
    const before = await rowsOf(bed.database.pool);
    const counters = await journal.counters();
    await journal.close();
    const lost = bed;
    bed = bed.withDatabase(await createTestDatabase());
    expect(await bed.recover()).toMatchObject({
      rebuilt: true,
      replayed: 5,
      newEpoch: { epoch: 1, position: 20 },
    });
    journal = await bed.open();
    const after = await rowsOf(bed.database.pool);
    expect(after).toMatchObject({ batch: before['batch'], key: before['key'], dataKey: before['dataKey'] });
    expect(after['erasure']).toEqual(before['erasure']);
    expect(await journal.counters()).toEqual(counters);
    const erased = new Set(ids(0, 12).filter((_, n) => n % 2 === 1 && n % 3 === 0));
    expect(await eventIds()).toEqual(ids(0, 20).filter((id) => !erased.has(id)));
    const again = await appendEvents(journal, [testEvent(A, 0, { time: MARCH })]);
    expect(again).toMatchObject([{ result: 'DUPLICATE', place: { epoch: 0, position: 0 } }]);
    expect(await appendEvents(journal, [testEvent(B, 3, { time: MARCH })])).toMatchObject([
      { result: 'REFUSED' },
    ]);
    expect(await appendEvents(journal, [testEvent(A, 100, { time: MARCH })])).toMatchObject([
      { result: 'RECORDED', place: { epoch: 1, position: 20 } },
    ]);
    await lost.database.drop();
  });

  it('replays what an older copy of the database lacks, and begins an epoch because the end is not known', async () => {
    await append(0, 6);
    await seal();
    await append(6, 9);
    await saveDatabase(bed.database.pool);
    await append(9, 12);
    await seal();
    await journal.erase({ account: A, before: undefined });
    await append(12, 15);
    await seal();
    await append(15, 18);
    await restoreDatabase(bed.database.pool);
    const recovery = await restart();
    expect(recovery).toMatchObject({ rebuilt: false, replayed: 3, newEpoch: { epoch: 1, position: 15 } });
    const kept = ids(0, 15).filter((_, n) => n % 2 === 1 || n >= 12);
    expect(await eventIds()).toEqual(kept);
    await expect(journal.read({ epoch: 0, position: 17 }, 10)).rejects.toMatchObject({
      code: 'CURSOR_EXPIRED',
    });
    await append(15, 17);
    await seal();
    expect(await eventIds()).toEqual([...kept, ...ids(15, 17)]);
    expect(await restart()).toMatchObject({ replayed: 0, newEpoch: undefined });
  });

  it('still begins an epoch when a start is cut between any two steps of a rebuild', async () => {
    await append(0, 6);
    await seal();
    await append(6, 9);
    await seal();
    await append(9, 12);
    await journal.close();
    const lost = bed;
    bed = bed.withDatabase(await createTestDatabase());
    let cuts = 0;
    const recoverCut = async (allowed: number): Promise<boolean> => {
      let steps = 0;
      const step = (): void => {
        if (steps++ === allowed) throw new Error('cut');
      };
      const recovery = recoverJournal({ ...bed.deps, dataKeys: () => Promise.resolve(new Map()), step });
      return recovery.then(
        () => true,
        (error: unknown) => {
          expect(String(error)).toBe('Error: cut');
          cuts++;
          return false;
        },
      );
    };
    for (let allowed = 0; !(await recoverCut(allowed));) allowed++;
    expect(cuts).toBeGreaterThan(2);
    const head = await bed.database.pool.query('SELECT epoch, position FROM journal_log');
    expect(head.rows).toMatchObject([{ epoch: expect.any(Number) as number, position: '9' }]);
    expect(head.rows[0]).not.toMatchObject({ epoch: 0 });
    journal = await bed.open();
    expect(await eventIds()).toEqual(ids(0, 9));
    await lost.database.drop();
  });

  it('begins an epoch when the tail is lost, and keeps of it what still follows the last segment', async () => {
    await append(0, 4);
    await seal();
    await append(4, 6);
    await append(6, 8);
    await append(8, 10);
    const tail = await bed.database.pool.query<{ tail: number }>('SELECT tail FROM journal_log');
    await bed.database.pool.query(`DELETE FROM journal_tail_${tail.rows[0]?.tail} WHERE first = 6`);
    expect(await restart()).toMatchObject({ newEpoch: { epoch: 1, position: 6 } });
    expect(await eventIds()).toEqual(ids(0, 6));
    const again = await appendEvents(journal, [
      testEvent(A, 8, { time: APRIL }),
      testEvent(A, 6, { time: MARCH }),
    ]);
    expect(again.map(({ result }) => result)).toEqual(['RECORDED', 'RECORDED']);
  });

  it('refuses when the newest objects are gone that a checkpoint, or only the anchor, knows of', async () => {
    await append(0, 4);
    await seal();
    await append(4, 8);
    await seal();
    await rm(join(bed.folder, 'objects/log/00000000/0000000000000002'));
    await bed.database.pool.query('DELETE FROM journal_record WHERE sequence = 2');
    await rm(join(bed.folder, 'objects/checkpoint/0000000000000003'));
    await expect(bed.recover()).rejects.toMatchObject({
      code: 'CORRUPT',
      message: /anchor has a checkpoint of 3/,
    });
  });

  it('refuses when the newest object is gone with its checkpoint, though PostgreSQL knows it', async () => {
    await append(0, 5);
    await seal();
    await bed.deps.objects.delete('log/00000000/0000000000000001');
    await bed.deps.objects.delete('checkpoint/0000000000000002');
    await expect(bed.recover()).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(await bed.deps.objects.size('checkpoint/0000000000000002')).toBeUndefined();
  });

  it('keeps the row of a batch without events that ends the newest segment when an epoch begins', async () => {
    const refused = { source: 'key:refused', received: 3, refused: 3, events: [] };
    await append(0, 4);
    await journal.append(refused);
    await seal();
    await append(4, 6);
    const lost = await bed.database.pool.query<{ tail: number }>('SELECT tail FROM journal_log');
    await bed.database.pool.query(`DELETE FROM journal_tail_${lost.rows[0]?.tail}`);
    expect(await restart()).toMatchObject({ newEpoch: { epoch: 1, position: 4 } });
    expect((await verifyRows(bed.deps)).findings).toEqual([]);
    await journal.close();
    const other = bed.withDatabase(await createTestDatabase());
    await other.recover();
    expect((await verifyRows(other.deps)).findings).toEqual([]);
    await other.database.drop();
    journal = await bed.open();
  });

  it('takes an event again that an erasure covered in an epoch whose end was lost, and knows it from then on', async () => {
    await append(0, 2);
    await seal();
    await append(2, 8);
    await journal.erase({ account: A, before: undefined });
    await journal.close();
    const other = bed.withDatabase(await createTestDatabase());
    expect(await other.recover()).toMatchObject({ newEpoch: { epoch: 1, position: 2 } });
    const next = await other.open();
    const results: string[] = [];
    for (const number of [4, 4, 0]) {
      const outcomes = await appendEvents(next, [
        testEvent(A, number, { time: number === 0 ? MARCH : APRIL }),
      ]);
      results.push(...outcomes.map(({ result }) => result));
    }
    expect(results).toEqual(['RECORDED', 'DUPLICATE', 'REFUSED']);
    await next.close();
    await other.database.drop();
    journal = await bed.open();
  });

  it('refuses a database that went on from an older copy', async () => {
    await append(0, 4);
    await saveDatabase(bed.database.pool);
    await append(4, 8);
    await seal();
    await restoreDatabase(bed.database.pool);
    await journal.close();
    journal = await bed.open();
    await append(20, 22);
    await expect(bed.recover()).rejects.toMatchObject({
      code: 'CORRUPT',
      message: /other events at position 4/,
    });
  });

  it('refuses a database whose own events straddle the end of a segment that it lacks', async () => {
    await append(0, 4);
    await saveDatabase(bed.database.pool);
    await append(4, 6);
    await seal();
    await restoreDatabase(bed.database.pool);
    await journal.close();
    journal = await bed.open();
    await append(20, 26);
    await expect(bed.recover()).rejects.toMatchObject({
      code: 'CORRUPT',
      message: /other events at position 4/,
    });
  });

  it('refuses to begin a log where one was', async () => {
    await rm(join(bed.folder, 'objects/log'), { recursive: true });
    const fresh = bed.withDatabase(await createTestDatabase());
    await expect(
      recoverJournal({ ...fresh.deps, dataKeys: () => Promise.resolve(new Map()) }),
    ).rejects.toMatchObject({
      code: 'CORRUPT',
    });
    await fresh.database.drop();
  });
});
