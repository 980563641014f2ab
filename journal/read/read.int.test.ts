import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenJournal } from '#journal/journal';
import type { Outcome, Place } from '#journal/types';
import {
  createJournalBed,
  newEvent,
  newEvents,
  placesOf,
  readAll,
  submissionOf,
  type JournalBed,
} from '#test/journal-bed';

const ACCOUNTS = ['111122223333', '444455556666', '777788889999'];

describe('read', () => {
  let bed: JournalBed;
  let journal: OpenJournal;

  beforeAll(async () => {
    bed = await createJournalBed();
    journal = await bed.open();
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  it('sees segments and tail as one while both move', async () => {
    const total = 6000;
    let appended = false;
    const sent = new Map<number, string>();
    const append = async (): Promise<void> => {
      for (let from = 0; from < total; from += 30) {
        const events = newEvents(from, from + 30, { account: ACCOUNTS[(from / 30) % 3] ?? '' });
        const outcomes: readonly Outcome[] = await journal.append(submissionOf(events, `key:${from % 7}`));
        for (const [at, place] of placesOf(outcomes).entries())
          sent.set(place.position, events[at]?.eventId ?? '');
      }
      appended = true;
    };
    const seal = async (): Promise<void> => {
      while (!appended) await journal.sealer.sealTail({ force: true });
    };
    const follow = async (limit: number): Promise<string[]> => {
      const reader = await bed.open({ recover: false });
      const ids: string[] = [];
      for (let next: Place = { epoch: 0, position: 0 }; next.position < total;) {
        const slice = await reader.read(next, limit);
        for (const event of slice.events) {
          expect(event.place.position).toBe(ids.length);
          ids.push(event.eventId);
        }
        next = slice.next;
      }
      return ids;
    };
    const pick = async (): Promise<void> => {
      const reader = await bed.open({ recover: false });
      while (!appended) {
        await yieldToOthers();
        const known = [...sent];
        const chosen = known.filter((_, at) => at % 97 === 0 || at > known.length - 20);
        const found = await reader.get(chosen.map(([position]) => ({ epoch: 0, position })));
        expect(found.map((event) => event?.eventId)).toEqual(chosen.map(([, id]) => id));
      }
    };
    const [, , few, many] = await Promise.all([append(), seal(), follow(50), follow(5000), pick()]);
    const expected = Array.from({ length: total }, (_, position) => sent.get(position));
    expect(few).toEqual(expected);
    expect(many).toEqual(expected);
    const { rows } = await bed.pool.query<{ segments: string }>(
      `SELECT count(*) AS segments FROM journal_record WHERE type = 1`,
    );
    expect(Number(rows[0]?.segments)).toBeGreaterThan(3);
  });

  it('gives an event the same envelope before and after it is sealed', async () => {
    const outcomes = await journal.append(submissionOf(newEvents(90_000, 90_040), 'import:ü'));
    const places = placesOf(outcomes);
    const fieldsOf = async (reader: OpenJournal): Promise<unknown[]> =>
      (await reader.get(places)).map((event) => ({
        ...event,
        eventId: event?.eventId,
        raw: event?.raw.toString(),
      }));
    const before = await fieldsOf(journal);
    await journal.sealer.sealTail({ force: true });
    expect(await fieldsOf(await bed.open())).toEqual(before);
    expect(before[0]).toMatchObject({ source: 'import:ü', eventId: 'event-90000' });
  });

  it('ends a slice by its limit and by its bytes', async () => {
    const { position } = await journal.head();
    await journal.append(
      submissionOf(
        Array.from({ length: 30 }, (_, at) => newEvent(95_000 + at, { note: 'y'.repeat(900_000) })),
      ),
    );
    const byLimit = await journal.read({ epoch: 0, position }, 3);
    expect([byLimit.events.length, byLimit.next.position, byLimit.behind]).toEqual([3, position + 3, 27]);
    const byBytes = await journal.read({ epoch: 0, position }, 1000);
    expect(byBytes.events.length).toBeGreaterThan(10);
    expect(byBytes.events.length).toBeLessThan(25);
    expect(byBytes.next.position).toBe(position + byBytes.events.length);
    expect((await readAll(journal)).positions.at(-1)).toBe(position + 29);
  });

  it('says CORRUPT when a segment is gone, cut or another', async () => {
    const outcomes = await journal.append(submissionOf(newEvents(98_000, 98_010)));
    await journal.sealer.sealTail({ force: true });
    const keys: string[] = [];
    for await (const key of bed.objects.list('log/')) keys.push(key);
    const key = keys.at(-1) ?? '';
    const bytes = (await bed.objects.get(key)) ?? Buffer.alloc(0);
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(flipped.length - 30) ^ 1, flipped.length - 30);
    const another = (await bed.objects.get(keys.at(-2) ?? '')) ?? Buffer.alloc(0);
    for (const wrong of [flipped, bytes.subarray(0, -1), another, Buffer.alloc(0)]) {
      await bed.objects.put(key, wrong);
      await expect((await bed.open({ recover: false })).get(placesOf(outcomes))).rejects.toMatchObject({
        code: 'CORRUPT',
      });
    }
    await bed.objects.delete(key);
    await expect((await bed.open({ recover: false })).get(placesOf(outcomes))).rejects.toMatchObject({
      code: 'CORRUPT',
    });
    await bed.objects.put(key, bytes);
    expect(await (await bed.open({ recover: false })).get(placesOf(outcomes))).not.toContain(undefined);
  });
});
