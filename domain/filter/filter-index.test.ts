import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { indexedFields } from '#domain/event-fields';
import { readRecord } from '#domain/event-parse';
import { recordWords } from '#domain/event-words';
import { compileFilter } from '#domain/filter/compile';
import type { EventFilter } from '#domain/filter/filter';
import { FilterIndex } from '#domain/filter/filter-index';
import { matches } from '#domain/filter/meaning';
import { FilterSubject } from '#domain/filter/subject';
import { eventFilter, testEvent } from '#test/arbitrary-events';
import { ArrayJournal, type TestEvent } from '#test/array-journal';

function factsOf(event: TestEvent) {
  const journal = new ArrayJournal();
  journal.add(event);
  return journal.all().map((stored) => {
    const record = readRecord(stored.raw);
    return { fields: indexedFields(record, stored), words: recordWords(record) };
  });
}

describe('filters in memory', () => {
  it('say what `matches` says, compiled and found by their terms, for any filters and events', () => {
    let hits = 0;
    let misses = 0;
    fc.assert(
      fc.property(
        fc.array(eventFilter, { minLength: 1, maxLength: 20 }),
        fc.array(testEvent, { minLength: 1, maxLength: 20 }),
        (filters, events) => {
          const index = new FilterIndex<number>();
          filters.forEach((filter, owner) => index.add(filter, owner));
          for (const { fields, words } of events.flatMap(factsOf)) {
            const expected = filters.flatMap((filter, owner) =>
              matches(filter, fields, words) ? [owner] : [],
            );
            const subject = new FilterSubject(fields, () => words);
            const compiled = filters.flatMap((filter, owner) =>
              compileFilter(filter)(subject) ? [owner] : [],
            );
            expect(compiled).toEqual(expected);
            expect(index.matching(subject).toSorted((a, b) => a - b)).toEqual(expected);
            hits += expected.length;
            misses += filters.length - expected.length;
          }
        },
      ),
      { numRuns: 300, seed: 5 },
    );
    expect(Math.min(hits, misses)).toBeGreaterThan(5_000);
  });

  it('are found no more once they are taken out, and leave nothing behind', () => {
    fc.assert(
      fc.property(fc.array(eventFilter, { maxLength: 10 }), testEvent, (filters, event) => {
        const index = new FilterIndex<EventFilter>();
        const remove = filters.map((filter) => index.add(filter, filter));
        expect(index.size).toBe(filters.length);
        for (const one of remove) one();
        expect(index.size).toBe(0);
        for (const { fields, words } of factsOf(event)) {
          expect(index.matching(new FilterSubject(fields, () => words))).toEqual([]);
        }
      }),
      { numRuns: 50, seed: 6 },
    );
  });

  it('do not cut a record into words for filters that its terms rule out', () => {
    const index = new FilterIndex<string>();
    index.add(
      {
        kind: 'and',
        filters: [
          { kind: 'words', words: ['root'] },
          { kind: 'in', field: 'eventName', values: ['ConsoleLogin', 'CreateUser'] },
        ],
      },
      'logins of root',
    );
    let cut = 0;
    const subject = (eventName: string): FilterSubject => {
      const event = { account: '1', eventId: '1', eventTime: 0, record: { eventName } };
      const [facts] = factsOf(event);
      if (facts === undefined) throw new Error('no event');
      return new FilterSubject(facts.fields, () => {
        cut += 1;
        return new Set(['root']);
      });
    };
    expect(index.matching(subject('GetObject'))).toEqual([]);
    expect(cut).toBe(0);
    expect(index.matching(subject('CreateUser'))).toEqual(['logins of root']);
    expect(cut).toBe(1);
  });
});
