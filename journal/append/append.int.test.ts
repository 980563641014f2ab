import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenJournal } from '#journal/journal';
import {
  ACCOUNT,
  countOutcomes,
  createJournalBed,
  newEvent,
  newEvents,
  placesOf,
  readAll,
  submissionOf,
  TIME,
  type JournalBed,
} from '#test/journal-bed';

describe('append', () => {
  let bed: JournalBed;
  let journal: OpenJournal;
  /** Each test has events of its own. */
  let at = 0;

  beforeAll(async () => {
    bed = await createJournalBed();
    journal = await bed.open();
  });
  afterAll(() => bed[Symbol.asyncDispose]());
  beforeEach(() => {
    at += 10_000;
  });

  it('records events in order, with their bytes as they were, and rings the doorbell', async () => {
    const { position } = await journal.head();
    const odd = Buffer.from(`{ "eventID":"odd-${at}",  "number": 9.82222E-5, "text": "\\u00fc ü \\ud800" }`);
    const events = [...newEvents(at, at + 5), newEvent(at + 5, { raw: odd, account: '444455556666' })];
    const outcomes = await journal.append(submissionOf(events));
    expect(outcomes).toEqual(
      events.map((_, index) => ({ result: 'RECORDED', place: { epoch: 0, position: position + index } })),
    );
    const found = await journal.get(placesOf(outcomes));
    expect(found.map((event) => event?.raw)).toEqual(events.map((event) => event.raw));
    expect(found[5]).toMatchObject({ account: '444455556666', source: 'key:test', eventTime: TIME + at + 5 });
    expect(found[0]?.eventId).toBe(`event-${at}`);
    expect(found[0]?.receivedAt).toBeGreaterThan(Date.now() - 60_000);
    await expect.poll(() => bed.pubsub.rung.at(-1)).toEqual(['journal', `0:${position + 6}`]);
  });

  it('answers DUPLICATE to the same event, in one submission and later, formatting aside', async () => {
    const event = newEvent(at);
    const spaced = { ...event, raw: Buffer.from(JSON.stringify(JSON.parse(event.raw.toString()), null, 2)) };
    const first = await journal.append(submissionOf([event, event, spaced]));
    const [place] = placesOf(first);
    expect(first.map(({ result }) => result)).toEqual(['RECORDED', 'DUPLICATE', 'DUPLICATE']);
    expect(placesOf(first)).toEqual([place, place, place]);
    const again = await journal.append(submissionOf([spaced, event]));
    expect(again).toEqual([
      { result: 'DUPLICATE', place },
      { result: 'DUPLICATE', place },
    ]);
  });

  it('answers CONFLICT when the content differs, and keeps the other as evidence', async () => {
    const source = `key:conflict-${at}`;
    const event = newEvent(at);
    const forged = newEvent(at, { note: 'forged' });
    const later = newEvent(at + 1);
    const first = await journal.append(submissionOf([event, forged, later], source));
    expect(countOutcomes(first)).toEqual({ RECORDED: 2, CONFLICT: 1 });
    const second = await journal.append(
      submissionOf([forged, event, newEvent(at + 1, { note: 'x' })], source),
    );
    expect(second.map(({ result }) => result)).toEqual(['CONFLICT', 'DUPLICATE', 'CONFLICT']);
    expect(placesOf(second).map(({ position }) => position)).toEqual(
      placesOf([...first.slice(0, 1), ...first.slice(0, 1), ...first.slice(2)]).map(
        ({ position }) => position,
      ),
    );
    const kept = await journal.refusals.list(source, 10);
    expect(kept.map(({ source: of, account }) => [of, account])).toEqual([
      [source, Number(ACCOUNT)],
      [source, Number(ACCOUNT)],
      [source, Number(ACCOUNT)],
    ]);
    expect(kept.every(({ sealed }) => !sealed.includes('forged'))).toBe(true);
  });

  it('keeps the newest thousand conflicts of each source, whoever else is in the batch', async () => {
    const [flood, single] = [`key:flood-${at}`, `key:single-${at}`];
    await journal.append(submissionOf(newEvents(at, at + 3000)));
    const outcomes = await Promise.all([
      journal.append(submissionOf([newEvent(at, { note: 'other' })], single)),
      journal.append(submissionOf(newEvents(at, at + 3000, { note: 'flood' }), flood)),
      journal.append(submissionOf([newEvent(at + 1, { note: 'other' })], single)),
    ]);
    expect(countOutcomes(outcomes.flat())).toEqual({ CONFLICT: 3002 });
    const kept = await journal.refusals.list(flood, 5000);
    expect(kept.map(({ index }) => index)).toEqual(
      Array.from({ length: 1000 }, (_, back) => kept[0]!.index - back),
    );
    expect(await journal.refusals.list(single, 10)).toHaveLength(2);
  });

  it('tells apart accounts and hours', async () => {
    const same = { eventId: `shared-${at}` };
    const outcomes = await journal.append(
      submissionOf([
        newEvent(at, same),
        newEvent(at, { ...same, account: '999999999999' }),
        newEvent(at, { ...same, eventTime: TIME + at + 3_600_000 }),
        newEvent(at, { ...same, eventTime: Date.UTC(1970, 0, 1) }),
      ]),
    );
    expect(countOutcomes(outcomes)).toEqual({ RECORDED: 4 });
  });

  it('counts per source what was received and what became of it', async () => {
    const [a, b] = [`import:a${at}`, `import:b${at}`];
    const events = newEvents(at, at + 10);
    await Promise.all([
      journal.append(submissionOf(events, a, 3)),
      journal.append(submissionOf(newEvents(at + 10, at + 15), b)),
    ]);
    await journal.append(submissionOf([...events, newEvent(at, { note: 'other' })], b, 1));
    await journal.append(submissionOf([], b, 2));
    const counters = (await journal.counters()).filter(({ source }) => source === a || source === b);
    expect(counters).toEqual([
      { source: a, received: 13, accepted: 10, duplicate: 0, conflict: 0, refused: 3 },
      { source: b, received: 19, accepted: 5, duplicate: 10, conflict: 1, refused: 3 },
    ]);
  });

  it('refuses what retention has run out for', async () => {
    const old = await bed.open({ retentionStart: (account) => (account === ACCOUNT ? TIME : undefined) });
    const outcomes = await old.append(
      submissionOf([
        newEvent(at, { eventTime: TIME - 1 }),
        newEvent(at + 1),
        newEvent(at, { account: '000000000007', eventTime: TIME - 1 }),
      ]),
    );
    expect(outcomes.map((outcome) => (outcome.result === 'REFUSED' ? outcome.code : outcome.result))).toEqual(
      ['RETENTION_EXPIRED', 'RECORDED', 'RECORDED'],
    );
  });

  it('answers events of any size and frames of many', async () => {
    const events = [
      newEvent(at, { note: 'x'.repeat(900_000) }),
      ...newEvents(at + 1, at + 2000),
      newEvent(at + 2000, { note: '' }),
    ];
    const outcomes = await journal.append(submissionOf(events));
    expect(countOutcomes(outcomes)).toEqual({ RECORDED: 2001 });
    const found = await journal.get(placesOf(outcomes));
    expect(found.map((event) => event?.raw.toString())).toEqual(events.map((event) => event.raw.toString()));
  });

  it('refuses what its caller should have checked', async () => {
    const event = newEvent(at);
    for (const submission of [
      submissionOf([event], ''),
      submissionOf([event], 'x'.repeat(65)),
      submissionOf([{ ...event, account: '12' }]),
      submissionOf([{ ...event, eventTime: -1 }]),
      submissionOf([{ ...event, eventTime: 1.5 }]),
      { ...submissionOf([event]), received: 2 },
      submissionOf(Array.from({ length: 20_001 }, () => event)),
    ]) {
      await expect(journal.append(submission)).rejects.toMatchObject({
        code: expect.stringMatching(/INVALID_ARGUMENT|LIMIT_EXCEEDED/),
      });
    }
    expect(await journal.append(submissionOf([]))).toEqual([]);
  });

  it('lets only one of several writers win each identity, whatever the order', async () => {
    const writers = await Promise.all(Array.from({ length: 4 }, () => bed.open()));
    const events = newEvents(at, at + 600);
    const sources = writers.map((_, index) => `key:racer${index}-${at}`);
    const all = await Promise.all(
      writers.flatMap((writer, index) =>
        Array.from({ length: 6 }, (_, part) => {
          // Overlapping parts, every writer from another end.
          const start = ((part + index) % 6) * 100;
          const chosen = events.slice(start, start + 150);
          return writer.append(submissionOf(index % 2 === 0 ? chosen : chosen.toReversed(), sources[index]));
        }),
      ),
    );
    const recorded = all.flat().filter(({ result }) => result === 'RECORDED');
    expect(recorded).toHaveLength(600);
    expect(new Set(placesOf(recorded).map(({ position }) => position)).size).toBe(600);
    expect(all.flat().some(({ result }) => result === 'CONFLICT' || result === 'REFUSED')).toBe(false);
    const counters = (await journal.counters()).filter(({ source }) => sources.includes(source));
    expect(counters.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(600);
    expect(counters.reduce((sum, { received }) => sum + received, 0)).toBe(all.flat().length);
    for (const { received, accepted, duplicate } of counters) expect(received).toBe(accepted + duplicate);
  });

  it('is read back whole and without gaps', async () => {
    const { position } = await journal.head();
    const { positions } = await readAll(journal, 777);
    expect(positions).toEqual(Array.from({ length: position }, (_, index) => index));
    expect((await journal.read({ epoch: 0, position }, 10)).next).toEqual({ epoch: 0, position });
    await expect(journal.read({ epoch: 0, position: position + 1 }, 10)).rejects.toMatchObject({
      code: 'CURSOR_EXPIRED',
    });
    expect(
      await journal.get([
        { epoch: 0, position },
        { epoch: 1, position: 0 },
      ]),
    ).toEqual([undefined, undefined]);
  });
});
