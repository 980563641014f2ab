import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenJournal } from '#journal/journal';
import type { Place } from '#journal/types';
import type { TestDatabase } from '#test/harness';
import { createBackupBed, type BackupBed, type TestInstallation } from '#test/installation-bed';
import { appendEvents, testEvent } from '#test/log-bed';

const MARCH = Date.UTC(2026, 2, 3);
const APRIL = Date.UTC(2026, 3, 3);
const A = '111111111111';
const B = '222222222222';
const START: Place = { epoch: 0, position: 0 };

let bed: BackupBed;
let live: TestInstallation;

beforeEach(async () => {
  bed = await createBackupBed();
  live = await bed.open('live');
});
afterEach(async () => {
  await live.close();
  await bed.remove();
});

/** Even numbers are of account A, every third of March. */
function event(n: number) {
  return testEvent(n % 2 === 0 ? A : B, n, { time: n % 3 === 0 ? MARCH : APRIL });
}

async function append(from: number, to: number, journal = live.journal): Promise<string[]> {
  const events = Array.from({ length: to - from }, (_, index) => event(from + index));
  return (await appendEvents(journal, events)).map(({ result }) => result);
}

async function seal(): Promise<void> {
  await live.journal.sealer.sealTail({ force: true });
}

async function eventIds(journal: OpenJournal): Promise<string[]> {
  const found: string[] = [];
  for (let from = START; ;) {
    const slice = await journal.read(from, 1000);
    found.push(...slice.events.map(({ eventId }) => eventId));
    if (slice.behind === 0) return found;
    from = slice.next;
  }
}

const ids = (from: number, to: number, without: (n: number) => boolean = () => false): string[] =>
  Array.from({ length: to - from }, (_, index) => from + index)
    .filter((n) => !without(n))
    .map((n) => `event-${n}`);

async function nameAccount(installation: TestInstallation, name: string): Promise<void> {
  await installation.pool.query(
    'INSERT INTO account (id, name, retention_months) VALUES ($1, $2, 400) ON CONFLICT (id) DO UPDATE SET name = $2',
    [A, name],
  );
}

/** Rows that cannot be made again from objects. */
async function settingsOf({ pool }: Pick<TestInstallation, 'pool'>): Promise<unknown> {
  const accounts = await pool.query('SELECT * FROM account ORDER BY id');
  const keys = await pool.query('SELECT * FROM api_key ORDER BY id');
  return { accounts: accounts.rows, keys: keys.rows };
}

/** Opens what was restored, does the work, and closes it again. */
async function within<T>(
  name: string,
  database: TestDatabase,
  work: (restored: TestInstallation) => Promise<T>,
): Promise<T> {
  const restored = await bed.open(name, database);
  try {
    return await work(restored);
  } finally {
    await restored.close();
  }
}

/** Sealed events, an erased month, a tail, an account and a key. */
async function fill(): Promise<void> {
  await nameAccount(live, 'Shop');
  await live.organization.keys.createFirstAdministrator();
  await append(0, 12);
  await seal();
  await live.journal.erase({ account: B, before: Date.UTC(2026, 3, 1) });
  await append(12, 18);
  await seal();
  await append(18, 24);
}

const ERASED = (n: number): boolean => n < 12 && n % 2 === 1 && n % 3 === 0;

describe('a backup', { timeout: 240_000 }, () => {
  it('brings everything back when everything is lost: events, tail, accounts, keys, counters', async () => {
    await fill();
    const settings = await settingsOf(live);
    const report = await bed.backup(live);
    expect(report).toMatchObject({ position: 24, epoch: 0, lostKeys: [], erasedKeys: 0 });
    const counters = await live.journal.counters();
    await append(24, 27);
    const database = await bed.database();
    const restored = await bed.restore('new', database);
    expect(restored).toMatchObject({
      rows: 'backup',
      head: { epoch: 1, position: 24 },
      administratorKey: undefined,
      verified: { ok: true, findings: [{ kind: 'erased' }] },
    });
    await within('new', database, async (again) => {
      expect(await settingsOf(again)).toEqual(settings);
      expect(await again.journal.counters()).toEqual(counters);
      expect(await eventIds(again.journal)).toEqual(ids(0, 24, ERASED));
      expect(await append(22, 26, again.journal)).toEqual(['DUPLICATE', 'DUPLICATE', 'RECORDED', 'RECORDED']);
      expect(await append(3, 4, again.journal)).toEqual(['REFUSED']);
      await again.journal.sealer.sealTail({ force: true });
      expect(await eventIds(again.journal)).toEqual(ids(0, 26, ERASED));
      await expect(again.journal.read({ epoch: 0, position: 25 }, 1)).rejects.toMatchObject({
        code: 'CURSOR_EXPIRED',
      });
    });
  });

  it('is one moment, though events are recorded, sealed and erased all the while', async () => {
    await append(0, 4);
    let done = false;
    let last = 4;
    const work = (async (): Promise<void> => {
      for (; !done; last += 2) {
        await append(last, last + 2);
        if (last % 6 === 0) await seal();
        if (last % 40 === 0) await live.journal.erase({ account: B, before: undefined });
      }
    })();
    for (let round = 0; round < 6; round++) await bed.backup(live);
    const { position } = await bed.backup(live);
    done = true;
    await work;
    const database = await bed.database();
    const restored = await bed.restore('new', database);
    expect(restored.verified?.findings.filter(({ kind }) => kind !== 'erased')).toEqual([]);
    expect(restored.head).toEqual({ epoch: 1, position });
    await within('new', database, async (again) => {
      const kept = await eventIds(again.journal);
      expect(kept.filter((id) => Number(id.slice(6)) % 2 === 0)).toEqual(
        ids(0, position, (n) => n % 2 === 1),
      );
    });
  });

  it('copies only what is new, keeps as many as told, and lets go of erased keys', async () => {
    await append(0, 6);
    await seal();
    const first = await bed.backup(live);
    expect(first.copied).toMatchObject({ objects: 2, keys: 5 });
    await append(6, 12);
    await seal();
    await live.journal.erase({ account: A, before: undefined });
    const second = await bed.backup(live, { keep: 2 });
    expect(second).toMatchObject({ copied: { objects: 2, keys: 0 }, erasedKeys: 2 });
    const third = await bed.backup(live, { keep: 2 });
    expect(third).toMatchObject({ copied: { objects: 0, keys: 0 }, backups: [second.id, third.id] });
    const tables = await readdir(join(bed.backups, 'tables'));
    expect(tables.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect((await readdir(join(bed.backups, 'keys'))).filter((name) => name === A)).toEqual([A]);
    expect(await readdir(join(bed.backups, 'keys', A), { recursive: true })).toEqual(['2026-03', '2026-04']);
    const database = await bed.database();
    expect(await bed.restore('new', database, { id: second.id })).toMatchObject({ verified: { ok: true } });
  });

  it('leaves the one before as it was when it ends at any step', async () => {
    await fill();
    await bed.backup(live);
    await append(24, 30);
    await seal();
    await live.journal.erase({ account: A, before: undefined });
    for (const last of ['keys', 'rows', 'objects']) {
      const step = (name: string): void => {
        if (name === last) throw new Error(`cut at ${name}`);
      };
      await expect(bed.backup(live, { step })).rejects.toThrow(`cut at ${last}`);
    }
    const database = await bed.database();
    expect(await bed.restore('new', database)).toMatchObject({
      head: { epoch: 1, position: 24 },
      verified: { ok: true },
    });
    await within('new', database, async (again) => {
      expect(await eventIds(again.journal)).toEqual(ids(0, 24, ERASED));
    });
  });
});

describe('a restore', { timeout: 240_000 }, () => {
  it('with rows lost takes those of the backup on to the end of newer objects, and erases again', async () => {
    await fill();
    await bed.backup(live);
    await append(24, 30);
    await live.journal.erase({ account: A, before: undefined });
    await append(30, 34);
    await seal();
    await append(34, 36);
    await live.close();
    const database = await bed.database();
    const report = await bed.restore('live', database);
    expect(report).toMatchObject({
      rows: 'backup',
      files: { keys: 0, objects: 0 },
      head: { epoch: 1, position: 34 },
      verified: { ok: true },
    });
    live = await bed.open('live', database);
    const kept = ids(0, 34, (n) => ERASED(n) || (n < 30 && n % 2 === 0));
    expect(await eventIds(live.journal)).toEqual(kept);
    expect(await append(33, 35)).toEqual(['DUPLICATE', 'RECORDED']);
    expect(await settingsOf(live)).toMatchObject({ accounts: [{}, { id: A, name: 'Shop' }] });
  });

  it('destroys keys again that come from a backup older than the objects', async () => {
    await fill();
    await bed.backup(live);
    await live.journal.erase({ account: A, before: undefined });
    await seal();
    await live.close();
    // What is left of the installation: its objects and its master key.
    for (const part of ['keys', 'cairn.json', 'run', 'history']) {
      await rm(join(bed.folder, 'live', part), { recursive: true });
    }
    const database = await bed.database();
    const report = await bed.restore('live', database);
    expect(report).toMatchObject({ head: { epoch: 1, position: 24 }, verified: { ok: true } });
    live = await bed.open('live', database);
    expect(await eventIds(live.journal)).toEqual(ids(0, 24, (n) => ERASED(n) || n % 2 === 0));
    const keys = await readdir(join(bed.folder, 'live', 'keys', A), { recursive: true, withFileTypes: true });
    expect(keys.filter((entry) => entry.isFile())).toEqual([]);
  });

  it('without a backup makes the rows of the objects, and says whose names are lost', async () => {
    await fill();
    await live.close();
    const database = await bed.database();
    const report = await bed.restore('live', database, { without: true });
    expect(report).toMatchObject({
      rows: 'objects',
      head: { epoch: 1, position: 18 },
      accounts: [A, B],
      administratorKey: expect.stringMatching(/^cairn_/) as string,
      verified: { ok: true },
    });
    live = await bed.open('live', database);
    expect(await eventIds(live.journal)).toEqual(ids(0, 18, ERASED));
    expect(await append(17, 20)).toEqual(['DUPLICATE', 'RECORDED', 'RECORDED']);
  });

  it('begins an epoch after an older copy of the database was put back by other means', async () => {
    await append(0, 4);
    await seal();
    await append(4, 7);
    await live.close();
    const { database } = live;
    const report = await bed.restore('live', database, { without: true });
    expect(report).toMatchObject({ rows: 'there', head: { epoch: 1, position: 7 }, verified: { ok: true } });
    live = await bed.open('live', database);
    expect(await eventIds(live.journal)).toEqual(ids(0, 7));
  });

  it('goes on when it was cut at any step, and nothing starts before its end', async () => {
    await fill();
    await bed.backup(live);
    const database = await bed.database();
    for (const last of ['keys', 'log', 'objects', 'anchor', 'rows', 'recovered', 'erased', 'version']) {
      const step = (name: string): void => {
        if (name === last) throw new Error(`cut at ${name}`);
      };
      await expect(bed.restore('new', database, { step })).rejects.toThrow(`cut at ${last}`);
      await expect(bed.open('new', database)).rejects.toThrow('has not ended');
    }
    expect(await bed.restore('new', database)).toMatchObject({ verified: { ok: true } });
    await within('new', database, async (again) => {
      expect(await eventIds(again.journal)).toEqual(ids(0, 24, ERASED));
      expect(await append(23, 25, again.journal)).toEqual(['DUPLICATE', 'RECORDED']);
    });
  });

  it('goes on when it was cut at any step in a folder that was lived in', async () => {
    await fill();
    await bed.backup(live);
    await append(24, 30);
    await seal();
    await live.close();
    const database = await bed.database();
    for (const last of ['objects', 'rows', 'recovered', 'version']) {
      const step = (name: string): void => {
        if (name === last) throw new Error(`cut at ${name}`);
      };
      await expect(bed.restore('live', database, { step })).rejects.toThrow(`cut at ${last}`);
    }
    expect(await bed.restore('live', database)).toMatchObject({ verified: { ok: true } });
    live = await bed.open('live', database);
    expect(await eventIds(live.journal)).toEqual(ids(0, 30, ERASED));
  });

  it('goes on beside an anchor that knows more than the backup, and verify says what is lost', async () => {
    await fill();
    await bed.backup(live);
    await append(24, 30);
    await seal();
    await cp(join(bed.folder, 'live.anchor'), join(bed.folder, 'new.anchor'), { recursive: true });
    const database = await bed.database();
    const report = await bed.restore('new', database);
    expect(report.verified?.findings.map(({ kind }) => kind).toSorted()).toEqual(['erased', 'lost']);
    expect(report).toMatchObject({ head: { epoch: 1, position: 24 }, verified: { ok: true } });
  });

  it('refuses a backup that was altered anywhere', async () => {
    await fill();
    const { id } = await bed.backup(live);
    const manifest = join(bed.backups, 'snapshots', `${id}.backup`);
    const table = join(bed.backups, 'tables', (await readdir(join(bed.backups, 'tables')))[0] ?? '');
    for (const path of [manifest, table]) {
      const bytes = await readFile(path);
      const altered = Buffer.from(bytes);
      const at = path === manifest ? bytes.indexOf('"position":24') + 12 : Math.floor(bytes.length / 2);
      altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
      await writeFile(path, altered);
      await expect(bed.restore('new', await bed.database())).rejects.toMatchObject({ code: 'CORRUPT' });
      await writeFile(path, bytes);
    }
    const object = join(bed.backups, 'objects/log/00000000/0000000000000001');
    const bytes = await readFile(object);
    await writeFile(object, Buffer.from(bytes).fill(7, 2000, 2010));
    const database = await bed.database();
    const report = await bed.restore('new', database);
    expect(report.verified).toMatchObject({ ok: false });
    await expect(bed.open('new', database)).rejects.toThrow('has not ended');
  });

  it('refuses what is in use, holds something else or another installation, and changes nothing there', async () => {
    await fill();
    await bed.backup(live);
    const before = await settingsOf(live);
    await expect(bed.restore('live', live.database)).rejects.toThrow('is in use');
    await live.close();
    await expect(bed.restore('live', live.database)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const other = await bed.open('other');
    await other.close();
    await expect(bed.restore('other', await bed.database())).rejects.toMatchObject({
      code: expect.stringMatching(/INVALID_ARGUMENT|CORRUPT/) as string,
    });
    live = await bed.open('live', live.database);
    expect(await settingsOf(live)).toEqual(before);
    expect((await live.journal.head()).epoch).toBe(0);
    await (await bed.open('other', other.database)).close();
    await writeFile(join(bed.folder, 'backups-of-mine.txt'), 'not a data folder');
    await expect(bed.restore('', await bed.database())).rejects.toThrow('is not empty');
    await expect(bed.restore('new', await bed.database(), { masterKey: undefined })).rejects.toThrow(
      'The master key is not in the backup',
    );
  });
});
