import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenJournal } from '#journal/journal';
import type { RecoveryOptions } from '#journal/recover';
import type { Place } from '#journal/types';
import { verifyRows } from '#journal/verify/rows-check';
import { verifyJournal } from '#journal/verify/verify';
import { recoverJournal } from '#journal/recover';
import { appendEvents, createLogBed, testEvent, type LogBed } from '#test/log-bed';

const MARCH = Date.UTC(2026, 2, 3);
const A = '111111111111';

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

async function append(from: number, to: number): Promise<readonly string[]> {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  const outcomes = await appendEvents(
    journal,
    numbers.map((n) => testEvent(A, n, { time: MARCH })),
  );
  return outcomes.map(({ result }) => result);
}

async function seal(): Promise<void> {
  await journal.sealer.sealTail({ force: true });
}

async function restart(options?: RecoveryOptions): Promise<Awaited<ReturnType<LogBed['recover']>>> {
  await journal.close();
  const recovery = await bed.recover(options);
  journal = await bed.open();
  return recovery;
}

async function eventsFrom(from: Place): Promise<{ ids: string[]; next: Place }> {
  const ids: string[] = [];
  for (let next = from; ;) {
    const slice = await journal.read(next, 1000);
    ids.push(...slice.events.map((event) => event.eventId));
    next = slice.next;
    if (slice.behind === 0) return { ids, next };
  }
}

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `event-${from + index}`);

/** What `cairn verify` looks at. */
async function findings(): Promise<string[]> {
  const files = await verifyJournal(bed.deps);
  const rows = await verifyRows(bed.deps);
  return [...files.findings, ...rows.findings].map(({ kind, where }) => `${kind} ${where}`);
}

/** Takes back what the database and the object store got since `before`, and leaves the anchor as it is. */
async function goBack(before: { readonly records: number }): Promise<void> {
  const { pool } = bed.database;
  for (let sequence = before.records; ; sequence++) {
    const name = String(sequence).padStart(16, '0');
    const path = join(bed.folder, 'objects/log/00000000', name);
    if ((await bed.deps.objects.size(`log/00000000/${name}`)) === undefined) break;
    await rm(path);
    await rm(join(bed.folder, 'objects/checkpoint', String(sequence + 1).padStart(16, '0')));
    for (const level of ['0', 'entries'])
      await rm(join(bed.folder, `objects/tile/${level}/000.p/${sequence + 1}`));
  }
  for (const table of TABLES) {
    await pool.query(`TRUNCATE ${table}; INSERT INTO ${table} SELECT * FROM saved.${table}`);
  }
}

const TABLES = [
  'journal_log',
  'journal_tail_0',
  'journal_tail_1',
  'journal_batch',
  'journal_key',
  'journal_data_key',
  'journal_record',
  'journal_counter',
];

async function save(): Promise<{ readonly records: number }> {
  const { pool } = bed.database;
  await pool.query('DROP SCHEMA IF EXISTS saved CASCADE; CREATE SCHEMA saved');
  for (const table of TABLES) await pool.query(`CREATE TABLE saved.${table} AS TABLE ${table}`);
  const { rows } = await pool.query<{ count: number }>('SELECT count(*)::int FROM journal_record');
  return { records: rows[0]?.count ?? 0 };
}

describe('a start after a restore', () => {
  it('begins an epoch though nothing tells that anything is lost, and keeps the tail in it', async () => {
    await append(0, 4);
    await seal();
    await append(4, 7);
    expect(await restart({ restored: true })).toMatchObject({ newEpoch: { epoch: 1, position: 4 } });
    expect(await eventsFrom({ epoch: 0, position: 0 })).toEqual({
      ids: ids(0, 7),
      next: { epoch: 1, position: 7 },
    });
    expect(await append(6, 9)).toEqual(['DUPLICATE', 'RECORDED', 'RECORDED']);
    await seal();
    expect(await findings()).toEqual([]);
    expect(await restart()).toMatchObject({ newEpoch: undefined });
    expect((await eventsFrom({ epoch: 0, position: 0 })).ids).toEqual(ids(0, 9));
  });

  it('begins no epoch in a log that it has just begun', async () => {
    await journal.close();
    await bed.remove();
    bed = await createLogBed();
    expect(await bed.recover({ restored: true })).toMatchObject({ created: true, newEpoch: undefined });
    journal = await bed.open();
  });

  it('goes on when the anchor has checkpoints of the lost end, and verify names what is lost', async () => {
    await append(0, 4);
    await seal();
    await append(4, 7);
    const before = await save();
    await seal();
    await append(7, 12);
    await seal();
    await goBack(before);
    await expect(bed.recover()).rejects.toMatchObject({
      code: 'CORRUPT',
      message: /anchor has a checkpoint/,
    });
    expect(await restart({ restored: true })).toMatchObject({ newEpoch: { epoch: 1, position: 4 } });
    expect(await append(7, 9)).toEqual(['RECORDED', 'RECORDED']);
    await seal();
    expect(await findings()).toEqual([expect.stringMatching(/^lost anchor:.*\/0000000000000004$/)]);
    expect((await verifyJournal(bed.deps)).ok).toBe(true);
    await expect(journal.read({ epoch: 0, position: 9 }, 10)).rejects.toMatchObject({
      code: 'CURSOR_EXPIRED',
      message: 'The log was restored and ends before this cursor: read from the start.',
    });
  });

  it('takes an epoch that no cursor has seen when the same backup is restored again', async () => {
    await append(0, 4);
    await seal();
    const before = await save();
    await restart({ restored: true });
    await append(4, 8);
    await seal();
    const lost = (await eventsFrom({ epoch: 0, position: 0 })).next;
    expect(lost).toEqual({ epoch: 1, position: 8 });
    await rm(join(bed.folder, 'objects/log/00000001'), { recursive: true });
    for (const size of [3, 4]) {
      await rm(join(bed.folder, 'objects/checkpoint', String(size).padStart(16, '0')));
      for (const level of ['0', 'entries']) await rm(join(bed.folder, `objects/tile/${level}/000.p/${size}`));
    }
    await goBack(before);
    expect(await restart({ restored: true })).toMatchObject({ newEpoch: { epoch: 2, position: 4 } });
    await append(4, 20);
    await seal();
    expect(await findings()).toEqual([expect.stringMatching(/^lost anchor:.*\/00000001\/0000000000000004$/)]);
    await expect(journal.read(lost, 10)).rejects.toMatchObject({ code: 'CURSOR_EXPIRED' });
  });

  it('comes to the same end when it is cut at any step and begun again', async () => {
    await append(0, 4);
    await seal();
    await append(4, 7);
    await journal.close();
    for (let allowed = 0, cut = true; cut; allowed++) {
      let steps = 0;
      const step = (): void => {
        if (steps++ === allowed) throw new Error('cut');
      };
      const deps = { ...bed.deps, dataKeys: () => Promise.resolve(new Map()), step };
      cut = await recoverJournal(deps, { restored: true }).then(
        () => false,
        (error: unknown) => String(error) === 'Error: cut',
      );
    }
    journal = await bed.open();
    expect((await eventsFrom({ epoch: 0, position: 0 })).ids).toEqual(ids(0, 7));
    expect(await append(6, 8)).toEqual(['DUPLICATE', 'RECORDED']);
    await seal();
    expect(await findings()).toEqual([]);
  });
});
