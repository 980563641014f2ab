import { existsSync } from 'node:fs';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryProjection } from '#projections/history/history-projection';
import { DEFAULT_CATEGORIES, KEEP_ALL } from '#projections/history/retention';
import { SLOTS } from '#projections/history/rowid';
import { INDEX_FILE, SUSPECT_FILE } from '#projections/history/tables';
import { describeProjection } from '#projections/projection.contract';
import { ArrayJournal, type TestEvent } from '#test/array-journal';
import { allRows, createHistoryBed, type HistoryBed } from '#test/history-bed';

describeProjection('History', () => createHistoryBed());

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 5, 15, 12);

function event(index: number, of: Partial<TestEvent> & { category?: string } = {}): TestEvent {
  const { category, ...rest } = of;
  const eventTime = rest.eventTime ?? NOW - index * 1000;
  const record = { eventName: `Name${index}`, eventCategory: category, userIdentity: {} };
  return { account: '111111111111', eventId: `id-${index}`, eventTime, record, ...rest };
}

async function writeAll(projection: HistoryProjection, journal: ArrayJournal): Promise<void> {
  await projection.write(await journal.read(await projection.cursor(), 100_000));
}

describe('History keeps', () => {
  const policy = {
    ...KEEP_ALL,
    now: () => clock,
    retentionDays: (account: string) => (account === '222222222222' ? 10 : undefined),
  };
  let clock = NOW;
  let bed: HistoryBed;
  let projection: HistoryProjection;
  const names = async (): Promise<(string | undefined)[]> =>
    (await allRows(bed.index)).map(({ eventName }) => eventName);

  beforeEach(async () => {
    clock = NOW;
    bed = await createHistoryBed(policy);
    projection = bed.open();
    await projection.init();
  });
  afterEach(async () => {
    await projection.close();
    await bed.remove();
  });

  it('all categories but network activity, and passes over the others', async () => {
    const journal = new ArrayJournal();
    const categories = ['Management', 'Data', 'NetworkActivity', 'Insight', 'Evidence', undefined];
    for (const [index, category] of categories.entries()) journal.add(event(-index, { category }));
    await writeAll(projection, journal);
    expect(await names()).toEqual(['Name0', 'Name-1', 'Name-3', 'Name-4', 'Name-5']);
    expect(await projection.cursor()).toEqual({ epoch: 0, position: 6 });
    expect(DEFAULT_CATEGORIES).toHaveLength(7);
  });

  it('as many days of an account as it was told, at writing and as time goes by', async () => {
    const journal = new ArrayJournal();
    const limited = (index: number, eventTime: number): TestEvent =>
      event(index, { account: '222222222222', eventTime });
    journal.add(
      event(0, { eventTime: NOW - 400 * DAY }),
      limited(1, NOW - 10 * DAY - 1),
      limited(2, NOW - 10 * DAY),
      limited(3, NOW - 9 * DAY),
    );
    await writeAll(projection, journal);
    expect(await names()).toEqual(['Name0', 'Name2', 'Name3']);
    clock = NOW + DAY / 2;
    await projection.tidy();
    expect(await names()).toEqual(['Name0', 'Name3']);
    const { groups } = await bed.index.counts({
      filter: { kind: 'all' },
      accounts: 'ALL',
      groupBy: 'eventName',
    });
    expect(groups.map(({ value }) => value)).toEqual(['Name0', 'Name3']);
  });

  it('no text of trimmed events once their account is erased', async () => {
    const journal = new ArrayJournal();
    journal.add(event(1, { account: '222222222222', eventId: 'trimmed-id', eventTime: NOW - DAY }), event(2));
    await writeAll(projection, journal);
    clock = NOW + 30 * DAY;
    await projection.tidy();
    await projection.erase({ account: '222222222222', before: undefined });
    const [generation = ''] = (await readdir(bed.folder)).filter((name) => /^\d+$/.test(name));
    const bytes = await readFile(join(bed.folder, generation, INDEX_FILE), 'latin1');
    expect(bytes).not.toMatch(/trimmed.{0,2}id/);
    expect(bytes).toContain('Name2');
  });
});

describe('History orders', () => {
  it('events of one second whose positions share a slot, and finds them by their cursors', async () => {
    const bed = await createHistoryBed();
    const projection = bed.open();
    await projection.init();
    for (const [round, firstPosition] of [5, SLOTS - 1, SLOTS + 5, 2 * SLOTS - 1, 2 * SLOTS + 4].entries()) {
      const journal = new ArrayJournal(firstPosition);
      journal.epoch = round;
      journal.add(event(10 * round, { eventTime: NOW }), event(10 * round + 1, { eventTime: NOW }));
      await writeAll(projection, journal);
    }
    const rows = await allRows(bed.index);
    expect(new Set(rows.map(({ eventName }) => eventName)).size).toBe(10);
    for (const [index, { cursor }] of rows.entries()) {
      const page = await bed.index.search({
        filter: { kind: 'all' },
        accounts: 'ALL',
        order: 'TIME_ASC',
        limit: 20,
        after: cursor,
      });
      expect(page.rows).toEqual(rows.slice(index + 1));
    }
    await projection.close();
    await bed.remove();
  });
});

describe('History is built again', () => {
  let bed: HistoryBed;
  let projection: HistoryProjection;
  const journal = new ArrayJournal();
  for (let index = 0; index < 3_000; index += 1) journal.add(event(index));

  const indexFile = async (): Promise<string> => {
    const generation = (await readFile(join(bed.folder, 'CURRENT'), 'utf8')).trim();
    return join(bed.folder, generation, INDEX_FILE);
  };
  const reopened = async (): Promise<HistoryProjection> => {
    const next = bed.open();
    await next.init();
    return next;
  };

  beforeEach(async () => {
    bed = await createHistoryBed();
    projection = bed.open();
    await projection.init();
    await writeAll(projection, journal);
    await projection.close();
  });
  afterEach(async () => {
    await projection.close();
    await bed.remove();
  });

  it('when it is of another version, which a reader does not touch', async () => {
    const db = new DatabaseSync(await indexFile());
    db.exec('PRAGMA user_version = 99');
    db.close();
    await expect(allRows(bed.index)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    projection = await reopened();
    expect(await projection.cursor()).toEqual({ epoch: 0, position: 0 });
    await writeAll(projection, journal);
    expect(await allRows(bed.index)).toHaveLength(3_000);
  });

  it.each([
    ['its file is no database', async (file: string) => writeFile(file, 'not a database'.repeat(1000))],
    ['its file is gone', async (file: string) => writeFile(file, '')],
  ])('when %s', async (_case, damage) => {
    await damage(await indexFile());
    await expect(allRows(bed.index)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    projection = await reopened();
    await writeAll(projection, journal);
    expect(await allRows(bed.index)).toHaveLength(3_000);
  });

  it('when a reader meets a damaged page: the writer stops at its next write', async () => {
    projection = await reopened();
    await damagePages(await indexFile());
    await expect(allRows(bed.index)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(existsSync((await indexFile()).replace(INDEX_FILE, SUSPECT_FILE))).toBe(true);
    await expect(writeAll(projection, journal)).rejects.toMatchObject({ code: 'CORRUPT' });
    await projection.reset();
    await writeAll(projection, journal);
    expect(await allRows(bed.index)).toHaveLength(3_000);
  });

  it('leaves one generation on disk', async () => {
    projection = await reopened();
    const successor = await projection.startRebuild();
    await expect(projection.startRebuild()).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    await successor.write(await journal.read(await successor.cursor(), 10_000));
    await successor.publish();
    await expect(successor.cursor()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await projection.erase({ account: '111111111111', before: undefined });
    expect((await readdir(bed.folder)).filter((name) => name !== 'CURRENT')).toHaveLength(1);
  });
});

describe('An erasure that a crash ended', () => {
  it('is finished when history is opened', async () => {
    const bed = await createHistoryBed();
    const journal = new ArrayJournal();
    for (let index = 0; index < 300; index += 1)
      journal.add(event(index, { eventId: `gone${index * 7919}x` }));
    journal.add(event(1000, { account: '222222222222' }));
    const first = bed.open();
    await first.init();
    await writeAll(first, journal);
    await first.close();
    const generation = (await readFile(join(bed.folder, 'CURRENT'), 'utf8')).trim();
    // The rows are deleted and marked, as by an erasure that went no further.
    const db = new DatabaseSync(join(bed.folder, generation, INDEX_FILE));
    db.exec(`INSERT INTO orphan SELECT event_name FROM event WHERE event_id LIKE 'gone%';
      DELETE FROM term WHERE rowid IN (SELECT id FROM event WHERE event_id LIKE 'gone%');
      DELETE FROM event WHERE event_id LIKE 'gone%'; UPDATE progress SET dirty = 2;`);
    db.close();
    const second = bed.open();
    await second.init();
    const now = (await readFile(join(bed.folder, 'CURRENT'), 'utf8')).trim();
    const bytes = await readFile(join(bed.folder, now, INDEX_FILE), 'latin1');
    expect(bytes).not.toMatch(/gone\d+x|Name\d{2,3}[^\d]/);
    expect((await allRows(bed.index)).map(({ eventName }) => eventName)).toEqual(['Name1000']);
    await second.close();
    await bed.remove();
  });
});

/** Overwrites all pages but the first. */
async function damagePages(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    await file.write(Buffer.alloc(size - 8192, 0xee), 0, size - 8192, 8192);
  } finally {
    await file.close();
  }
}
