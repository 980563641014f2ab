import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenJournal } from '#journal/journal';
import { ErasureStore } from '#journal/store/erasure-store';
import { verifyJournal } from '#journal/verify/verify';
import type { ObjectStore } from '#platform/objects/object-store';
import {
  ACCOUNT,
  createJournalBed,
  LocalPubSub,
  newEvent,
  newEvents,
  placesOf,
  readAll,
  submissionOf,
  type JournalBed,
} from '#test/journal-bed';

const OTHER = '444455556666';
const OCTOBER = Date.UTC(2026, 9, 20);
const NOVEMBER = Date.UTC(2026, 10, 1);

describe('erase', () => {
  let bed: JournalBed;
  let journal: OpenJournal;

  beforeEach(async () => {
    bed = await createJournalBed();
    journal = await bed.open();
  });
  afterEach(() => bed[Symbol.asyncDispose]());

  const keyObjects = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const key of bed.keyObjects.list('')) if (!key.startsWith('signing/')) found.push(key);
    return found;
  };

  it('makes an account unreadable in the tail and in segments, and leaves the others', async () => {
    const first = await journal.append(submissionOf(newEvents(0, 50)));
    await journal.append(submissionOf(newEvents(50, 60, { account: OTHER })));
    await journal.sealer.sealTail({ force: true });
    const second = await journal.append(submissionOf(newEvents(60, 70)));
    await journal.append(submissionOf(newEvents(70, 75, { account: OTHER })));
    expect(await journal.get(placesOf([...first, ...second]))).not.toContain(undefined);

    const erasure = await journal.erase({ account: ACCOUNT, before: undefined });
    expect(erasure).toMatchObject({ upTo: 75, sequence: 2 });

    const gone = await journal.get(placesOf([...first, ...second]));
    expect(gone.every((event) => event === undefined)).toBe(true);
    const { positions } = await readAll(journal, 7);
    expect(positions).toEqual([...Array.from({ length: 10 }, (_, at) => 50 + at), 70, 71, 72, 73, 74]);
    expect((await keyObjects()).every((key) => key.startsWith(OTHER))).toBe(true);
    // Sealing goes on over what cannot be opened any more.
    await journal.sealer.sealTail({ force: true });
    expect((await readAll(journal)).positions).toEqual(positions);
  });

  it('erases the months before one, and takes new events of the account', async () => {
    const old = newEvents(0, 10, { eventTime: OCTOBER });
    const late = newEvents(10, 20, { eventTime: NOVEMBER });
    const outcomes = await journal.append(submissionOf([...old, ...late]));
    await journal.erase({ account: ACCOUNT, before: NOVEMBER });
    const found = await journal.get(placesOf(outcomes));
    expect(found.map((event) => event?.place.position)).toEqual([
      ...Array.from({ length: 10 }, () => undefined),
      ...Array.from({ length: 10 }, (_, at) => 10 + at),
    ]);
    const [fresh] = await journal.append(submissionOf([newEvent(99, { eventTime: OCTOBER })]));
    expect(fresh?.result).toBe('RECORDED');
    expect((await journal.get(placesOf(fresh === undefined ? [] : [fresh])))[0]?.eventId).toBe('event-99');
  });

  it.each([
    ['1970-02', Date.UTC(1970, 1, 1)],
    ['2024-03, after a leap day', Date.UTC(2024, 2, 1)],
    ['2106-03, beyond 32 bits of seconds', Date.UTC(2106, 2, 1)],
    ['7431-04, the last that a month of 16 bits holds', Date.UTC(1970, 65_535, 1)],
  ])('draws the line at the millisecond in which %s begins', async (_, month) => {
    const times = [month - 1, ...(month < Date.UTC(7431, 3, 1) ? [month] : [])];
    if (month === Date.UTC(1970, 1, 1)) times.push(0);
    const events = times.map((eventTime, number) => newEvent(number, { eventTime }));
    const outcomes = await journal.append(submissionOf(events));
    await journal.sealer.sealTail({ force: true });
    await journal.erase({ account: ACCOUNT, before: month });
    const found = await journal.get(placesOf(outcomes));
    expect(found.map((event) => event?.eventTime)).toEqual(
      times.map((time) => (time < month ? undefined : time)),
    );
    const again = await journal.append(submissionOf(events));
    expect(again.map(({ result }) => result)).toEqual(
      times.map((time) => (time < month ? 'REFUSED' : 'DUPLICATE')),
    );
    const report = await verifyJournal(bed);
    expect(report).toMatchObject({ ok: true, erased: times.filter((time) => time < month).length });
  });

  it('refuses to record again what was erased, and to conflict with it', async () => {
    await journal.append(submissionOf(newEvents(0, 3)));
    await journal.erase({ account: ACCOUNT, before: undefined });
    const again = await journal.append(
      submissionOf([newEvent(0), newEvent(1, { note: 'other' }), newEvent(7)], 'import:again'),
    );
    expect(again.map((outcome) => (outcome.result === 'REFUSED' ? outcome.code : outcome.result))).toEqual([
      'ERASED',
      'ERASED',
      'RECORDED',
    ]);
    expect((await journal.counters()).find(({ source }) => source === 'import:again')).toMatchObject({
      received: 3,
      accepted: 1,
      refused: 2,
    });
  });

  it('reaches the caches of other processes and appends that are under way', async () => {
    const other = await bed.open();
    const quiet = await bed.open({}, new DeafPubSub());
    const outcomes = await journal.append(submissionOf(newEvents(0, 10)));
    expect(await other.get(placesOf(outcomes))).not.toContain(undefined);
    expect(await quiet.get(placesOf(outcomes))).not.toContain(undefined);
    await quiet.append(submissionOf(newEvents(10, 20)));

    await journal.erase({ account: ACCOUNT, before: undefined });
    // The doorbell tells one at once; the other, deaf, sees the head's counter at its next look.
    expect((await other.get(placesOf(outcomes))).every((event) => event === undefined)).toBe(true);
    await expect
      .poll(async () => (await quiet.get(placesOf(outcomes))).every((event) => event === undefined))
      .toBe(true);
    // Its key is dead: the commit is refused, and built again under a new one.
    const late = await quiet.append(submissionOf(newEvents(20, 30)));
    expect((await journal.get(placesOf(late))).map((event) => event?.eventId)).toEqual(
      newEvents(20, 30).map(({ eventId }) => eventId),
    );
  });

  it('never uses a destroyed key, however an append and an erasure meet', async () => {
    let erased: Promise<unknown> | undefined;
    let steps = 0;
    const late = await bed.open({
      step: async (name) => {
        // Between the building of a batch and its commit.
        if (name === 'append.prepared' && steps++ === 0) {
          erased = journal.erase({ account: ACCOUNT, before: undefined });
          await erased;
        }
      },
    });
    await late.append(submissionOf([]));
    steps = 0;
    const outcomes = await late.append(submissionOf(newEvents(0, 5)));
    expect(erased).toBeDefined();
    expect((await journal.get(placesOf(outcomes))).map((event) => event?.eventId)).toEqual(
      newEvents(0, 5).map(({ eventId }) => eventId),
    );
  });

  it('is finished by the next start when a crash came between', async () => {
    for (const [number, stop] of ['erase.decided', 'erase.deleted', 'put', 'committed'].entries()) {
      const outcomes = await journal.append(submissionOf([newEvent(number)]));
      const dying = await bed.open({
        step: (name) => {
          if (name === stop) throw new Error('crash');
        },
      });
      await expect(dying.erase({ account: ACCOUNT, before: undefined })).rejects.toThrow('crash');
      expect(await new ErasureStore(bed.pool).unfinished()).toHaveLength(stop === 'committed' ? 0 : 1);
      const next = await bed.open();
      expect(await new ErasureStore(bed.pool).unfinished()).toEqual([]);
      expect(await next.get(placesOf(outcomes))).toEqual([undefined]);
      expect(await keyObjects()).toEqual([]);
    }
  });

  it('refuses the account of the installation and what begins no month', async () => {
    await expect(journal.erase({ account: '000000000000', before: undefined })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    for (const scope of [
      { account: '12', before: undefined },
      { account: ACCOUNT, before: NOVEMBER + 1 },
      { account: ACCOUNT, before: 0 },
      { account: ACCOUNT, before: -1 },
    ]) {
      await expect(journal.erase(scope)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(await new ErasureStore(bed.pool).since(0)).toEqual([]);
  });

  it('says CORRUPT when a key is lost that nobody erased', async () => {
    const outcomes = await journal.append(submissionOf(newEvents(0, 2)));
    for (const key of await keyObjects()) await bed.keyObjects.delete(key);
    await expect((await bed.open()).get(placesOf(outcomes))).rejects.toMatchObject({ code: 'CORRUPT' });
  });

  it('keeps a lost key from failing the events of others in the same batch', async () => {
    await journal.append(submissionOf([newEvent(0)]));
    const [lost = ''] = await keyObjects();
    await bed.keyObjects.delete(lost);
    const next = await bed.open();
    const [mine, theirs] = await Promise.allSettled([
      next.append(submissionOf([newEvent(1)])),
      next.append(submissionOf([newEvent(2, { account: OTHER })])),
    ]);
    expect(mine).toMatchObject({ status: 'rejected', reason: { code: 'CORRUPT' } });
    expect(theirs).toMatchObject({ status: 'fulfilled', value: [{ result: 'RECORDED' }] });
    expect(next.load()).toBe(0);
    expect(await next.counters()).toMatchObject([{ received: 2, accepted: 2 }]);
    // The way out, if the key never comes back.
    await expect(next.read({ epoch: 0, position: 0 }, 10)).rejects.toMatchObject({ code: 'CORRUPT' });
    await next.erase({ account: ACCOUNT, before: undefined });
    expect((await next.read({ epoch: 0, position: 0 }, 10)).events.map(({ account }) => account)).toEqual([
      OTHER,
    ]);
    expect(await next.append(submissionOf([newEvent(1)]))).toMatchObject([{ result: 'RECORDED' }]);
  });

  it('never writes an event in the clear, not even before it is erased', async () => {
    const marker = randomBytes(24).toString('hex');
    const events = newEvents(0, 200, { note: marker });
    await journal.append(submissionOf(events, 'key:clear'));
    await journal.append(submissionOf([newEvent(3, { note: `${marker} forged` })], 'key:clear'));
    await journal.sealer.sealTail({ force: true });
    await journal.append(submissionOf(newEvents(200, 210, { note: marker })));
    const { rows } = await bed.pool.query<{ data_directory: string }>('SHOW data_directory');
    await bed.pool.query('CHECKPOINT');
    const folders = [bed.folder, rows[0]?.data_directory ?? ''];
    expect(folders[1]).not.toBe('');
    for (const folder of folders) expect(await filesWith(folder, marker)).toEqual([]);
    // The objects are not in the folder where they are in S3.
    // Checkpoints are signed notes: what is in the clear is found.
    expect(await objectsWith(bed.objects, '\n— ')).not.toEqual([]);
    for (const store of [bed.objects, bed.keyObjects, bed.anchor])
      expect(await objectsWith(store, marker)).toEqual([]);
    expect(await filesWith(folders[1] ?? '', 'key:clear')).not.toEqual([]);
  });
});

/** Another process's, whose connection is down just now. */
class DeafPubSub extends LocalPubSub {
  override subscribe(): Promise<() => Promise<void>> {
    return Promise.resolve(() => Promise.resolve());
  }
}

async function objectsWith(store: ObjectStore, text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const key of store.list('')) {
    if ((await store.get(key))?.includes(text) === true) found.push(key);
  }
  return found;
}

async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    // PostgreSQL of other tests removes files at any time.
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile() !== true) continue;
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    if (bytes.includes(text)) found.push(name);
  }
  return found;
}
