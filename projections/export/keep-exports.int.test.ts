import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ExportKeeper } from '#projections/export/keep-exports';
import { ExportNotYet } from '#projections/export/write-export';
import { createExportBed, EXPORT_LIMITS, FOLLOWING, type ExportBed } from '#test/export-bed';
import { appendEvents } from '#test/log-bed';
import { newEvent } from '#test/new-event';

const ONE = '111111111111';
const TWO = '222222222222';
const COUNT = 300;

let bed: ExportBed;
let now: number;

beforeAll(async () => {
  bed = await createExportBed(() => now);
  const accountOf = (n: number): string => (n % 3 === 0 ? TWO : ONE);
  const events = Array.from({ length: COUNT }, (_, n) => newEvent(n, { account: accountOf(n) }));
  await appendEvents(bed.journal, events);
  await bed.settle();
});
afterAll(() => bed.remove());
beforeEach(() => {
  now = Date.now();
});

async function keys(): Promise<string[]> {
  const found: string[] = [];
  for await (const key of bed.log.deps.objects.list('exports/')) found.push(key);
  for await (const key of bed.log.deps.keyObjects.list('export/')) found.push(key);
  return found;
}

it('ends one whose run was given up, and says so once', async () => {
  const { id } = await bed.start();
  const told: string[] = [];
  const keeper = new ExportKeeper({
    store: bed.store,
    files: bed.files,
    limits: EXPORT_LIMITS,
    now: () => now,
    ensureRun: async (run) => (run === id ? 'INTERNAL: tried too often' : undefined),
    onFailed: async (row) => void told.push(`${row.id} ${row.state} ${row.error}`),
  });
  expect(await keeper.tend(FOLLOWING.signal)).toMatchObject({ failed: 1 });
  expect(await keeper.tend(FOLLOWING.signal)).toMatchObject({ failed: 0 });
  expect(told).toEqual([`${id} FAILED INTERNAL: tried too often`]);
  expect(await bed.store.find(id)).toMatchObject({ state: 'FAILED', error: 'INTERNAL: tried too often' });
});

describe('removal', () => {
  it('after its time leaves no byte and no key', async () => {
    const { id } = await bed.start();
    await bed.writer().write(id, FOLLOWING);
    expect((await keys()).filter((key) => key.includes(id)).length).toBeGreaterThan(2);
    await bed.keeper.tend(FOLLOWING.signal);
    expect(await bed.store.find(id)).toMatchObject({ state: 'SUCCEEDED' });
    now += EXPORT_LIMITS.days * 86_400_000 + 1;
    await bed.keeper.tend(FOLLOWING.signal);
    expect(await bed.store.find(id)).toMatchObject({ state: 'EXPIRED' });
    expect((await keys()).filter((key) => key.includes(id))).toEqual([]);
    now += 91 * 86_400_000;
    await bed.keeper.tend(FOLLOWING.signal);
    expect(await bed.store.find(id)).toBeUndefined();
  });

  it('of one that is canceled while it is written: the worker stops, and its parts go', async () => {
    const { id } = await bed.start();
    const step = async (name: string): Promise<void> => {
      if (name === 'stored') await bed.store.end(id, 'CANCELED');
    };
    await expect(bed.writer({ step }).write(id, FOLLOWING)).rejects.toThrow(ExportNotYet);
    expect(await bed.writer().write(id, FOLLOWING)).toBeUndefined();
    await bed.keeper.tend(FOLLOWING.signal);
    expect((await keys()).filter((key) => key.includes(id))).toEqual([]);
  });

  it('leaves a writing alone that began meanwhile', async () => {
    const { id } = await bed.start();
    await bed.store.begin(id, await bed.journal.head());
    await bed.store.end(id, 'FAILED', 'INTERNAL: tried too often');
    const [before] = (await bed.store.toRemove(100)).filter((row) => row.id === id);
    if (before === undefined) throw new Error('nothing to remove');
    const done = await bed.writer().write(id, FOLLOWING);
    await bed.files.destroy(before);
    await bed.store.removed(before);
    await bed.store.erased(before);
    expect(done).toMatchObject({ state: 'SUCCEEDED', generation: 1 });
    expect((await bed.read(id)).text.split('\n')).toHaveLength(COUNT + 1);
  });

  it('by deletion in the middle of a part leaves nothing, whether the worker lives or dies', async () => {
    for (const dies of [true, false]) {
      const { id } = await bed.start();
      const step = async (name: string): Promise<void> => {
        if (name !== 'stored') return;
        await bed.files.destroy({ id, generation: Infinity });
        await bed.store.delete(id);
        // Its part was on the way.
        await bed.log.deps.objects.put(`exports/${id}/0-000000-late`, Buffer.from('part'));
        if (dies) throw new Error('killed');
      };
      await expect(bed.writer({ step }).write(id, FOLLOWING)).rejects.toThrow();
      expect(await bed.writer().write(id, FOLLOWING)).toBeUndefined();
      expect((await keys()).filter((key) => key.includes(id))).toEqual([]);
    }
  });

  it('stores nothing that can be read without the key', async () => {
    const { id } = await bed.start();
    await bed.writer().write(id, FOLLOWING);
    for await (const key of bed.log.deps.objects.list(`exports/${id}/`)) {
      expect((await bed.log.deps.objects.get(key))?.includes('PutObject')).toBe(false);
    }
  });
});

describe('an erasure', () => {
  it('removes files that hold the account’s events, begins anew those in work, and leaves the others', async () => {
    const account = '333333333333';
    const events = Array.from({ length: 50 }, (_, n) =>
      newEvent(n, { account, eventTime: Date.UTC(2026, 0, 1) + n }),
    );
    await appendEvents(bed.journal, events);
    await bed.settle();
    const [holding, other, inWork, later] = [
      await bed.start(),
      await bed.start({ scope: [ONE], accounts: [ONE] }),
      await bed.start(),
      await bed.start({
        fromTime: Date.UTC(2026, 1, 1),
        filter: '{"eventTime":{"from":"2026-02-01T00:00:00Z"}}',
      }),
    ];
    for (const { id } of [holding, other]) await bed.writer().write(id, FOLLOWING);
    const erase = async (): Promise<void> => {
      const scope = { account, before: Date.UTC(2026, 1, 1) };
      await bed.journal.erase(scope);
      await bed.projection.erase(scope);
      await bed.keeper.erase(scope);
    };
    let hasErased = false;
    const step = async (name: string): Promise<void> => {
      if (name !== 'stored' || hasErased) return;
      hasErased = true;
      await erase();
    };
    await bed.store.begin(later.id, await bed.journal.head());
    await expect(bed.writer({ step }).write(inWork.id, FOLLOWING)).rejects.toThrow(ExportNotYet);
    expect(await bed.store.find(holding.id)).toMatchObject({ state: 'ERASED' });
    expect((await keys()).filter((key) => key.includes(holding.id))).toEqual([]);
    expect(await bed.store.find(other.id)).toMatchObject({ state: 'SUCCEEDED' });
    expect(await bed.store.find(later.id)).toMatchObject({ state: 'RUNNING', generation: 0 });
    const done = await bed.writer().write(inWork.id, FOLLOWING);
    expect(done).toMatchObject({ state: 'SUCCEEDED', generation: 1 });
    expect((await bed.read(inWork.id)).text).not.toContain(account);
    // Once more, as after a crash of the erasure.
    await erase();
    expect(await bed.store.find(inWork.id)).toMatchObject({ state: 'SUCCEEDED' });
  });
});
