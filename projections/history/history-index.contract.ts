import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IndexedFields } from '#domain/event';
import { indexedFields } from '#domain/event-fields';
import { readRecord } from '#domain/event-parse';
import { recordWords } from '#domain/event-words';
import { compileFilter } from '#domain/filter/compile';
import { FILTER_FIELDS, type EventFilter, type FilterField } from '#domain/filter/filter';
import { fieldValues, matches } from '#domain/filter/meaning';
import { FilterSubject } from '#domain/filter/subject';
import type { Journal, JournalEvent } from '#journal/types';
import {
  HISTORY_INTERVALS,
  type HistoryCursor,
  type HistoryIndex,
  type HistoryInterval,
  type HistoryOrder,
  type HistoryRow,
} from '#projections/history/history-index';
import type { Projection } from '#projections/projection';
import { eventFilter, testEvent } from '#test/arbitrary-events';
import { ArrayJournal } from '#test/array-journal';

/** One index and what fills it. */
export interface OpenHistory {
  readonly index: HistoryIndex;
  readonly projection: Projection;
  close(): Promise<void>;
}

const ALL: EventFilter = { kind: 'all' };

/** What every HistoryIndex must do; `matches` says what a filter means. */
export function describeHistoryIndex(
  name: string,
  open: (journal: Pick<Journal, 'read'>) => Promise<OpenHistory>,
): void {
  describe(`${name} is a HistoryIndex`, { timeout: 240_000 }, () => {
    const journal = new ArrayJournal();
    let history: OpenHistory;
    let events: readonly Known[];

    beforeAll(async () => {
      history = await open(journal);
      await history.projection.init();
      journal.add(...fc.sample(testEvent, { numRuns: 400, seed: 7 }));
      await project(history, journal, 150);
      events = journal.all().map(known);
    });
    afterAll(() => history.close());

    const expected = (filter: EventFilter, order: HistoryOrder = 'TIME_DESC'): readonly Known[] => {
      const found = events.filter(({ fields, words }) => matches(filter, fields, words));
      return found.toSorted((a, b) => (order === 'TIME_ASC' ? compare(a, b) : compare(b, a)));
    };

    it('finds what `matches` finds, in the order of time, for any filter', async () => {
      let hits = 0;
      await fc.assert(
        fc.asyncProperty(
          eventFilter,
          fc.constantFrom<HistoryOrder>('TIME_DESC', 'TIME_ASC'),
          async (filter, order) => {
            const { rows } = await history.index.search({ filter, accounts: 'ALL', order, limit: 1000 });
            expect(rows.map(({ place }) => place.position)).toEqual(positions(expected(filter, order)));
            // Subscribers are shown live what this index will show later.
            const fits = compileFilter(filter);
            const live = events.filter(({ fields, words }) => fits(new FilterSubject(fields, () => words)));
            expect(live.length).toBe(rows.length);
            hits += rows.length;
          },
        ),
        { numRuns: 400, seed: 11 },
      );
      expect(hits).toBeGreaterThan(5_000);
    });

    it('finds each value of each field, and each beginning of three letters', async () => {
      for (const field of FILTER_FIELDS) {
        for (const value of new Set(events.flatMap(({ fields }) => fieldValues(fields, field)))) {
          const filters: EventFilter[] = [
            { kind: 'in', field, values: [value] },
            { kind: 'prefix', field, value: value.slice(0, 3) },
          ];
          for (const filter of filters) {
            const { rows } = await history.index.search({
              filter,
              accounts: 'ALL',
              order: 'TIME_DESC',
              limit: 1000,
            });
            expect(rows.map(({ place }) => place.position)).toEqual(positions(expected(filter)));
          }
        }
      }
    });

    it('lists the values of an event as the record has them', async () => {
      const { rows } = await history.index.search({
        filter: ALL,
        accounts: 'ALL',
        order: 'TIME_ASC',
        limit: 1000,
      });
      expect(rows.map(listed)).toEqual(expected(ALL, 'TIME_ASC').map(({ fields }) => fields));
    });

    it('shows the accounts of the scope alone, whatever the filter says', async () => {
      const accounts = ['111111111111', '999999999999'];
      const foreign: EventFilter = { kind: 'in', field: 'account', values: ['222222222222'] };
      for (const filter of [
        ALL,
        foreign,
        { kind: 'not', filter: foreign } as const,
        { kind: 'or', filters: [ALL, foreign] } as const,
      ]) {
        const { rows } = await history.index.search({ filter, accounts, order: 'TIME_DESC', limit: 1000 });
        const visible = expected(filter).filter(({ fields }) => accounts.includes(fields.account));
        expect(rows.map(({ place }) => place.position)).toEqual(positions(visible));
        expect((await history.index.counts({ filter, accounts })).total).toBe(visible.length);
      }
      const none = await history.index.search({ filter: ALL, accounts: [], order: 'TIME_DESC', limit: 10 });
      expect(none.rows).toEqual([]);
    });

    it('pages through all rows once, forwards and backwards, in both orders', async () => {
      await fc.assert(
        fc.asyncProperty(
          eventFilter,
          fc.constantFrom<HistoryOrder>('TIME_DESC', 'TIME_ASC'),
          fc.integer({ min: 7, max: 120 }),
          async (filter, order, limit) => {
            const want = positions(expected(filter, order));
            const forwards = await pages(history.index, { filter, order, limit, take: 'START' });
            expect(forwards.flat()).toEqual(want);
            const backwards = await pages(history.index, { filter, order, limit, take: 'END' });
            expect(backwards.toReversed().flat()).toEqual(want);
          },
        ),
        { numRuns: 60, seed: 13 },
      );
    });

    it('narrows by both cursors at once', async () => {
      const order = 'TIME_DESC';
      const all = expected(ALL, order);
      const [after, before] = [cursorOf(all.at(20)), cursorOf(all.at(35))];
      const { rows, hasMore } = await history.index.search({
        filter: ALL,
        accounts: 'ALL',
        order,
        limit: 100,
        after,
        before,
      });
      expect(rows.map(({ place }) => place.position)).toEqual(positions(all.slice(21, 35)));
      expect(hasMore).toBe(false);
    });

    it('refuses pages without rows and pages that are too large', async () => {
      for (const limit of [0, -1, 1.5, 1001]) {
        await expect(
          history.index.search({ filter: ALL, accounts: 'ALL', order: 'TIME_DESC', limit }),
        ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      }
    });

    it('counts as a brute-force count does: totals, groups and histograms', async () => {
      await fc.assert(
        fc.asyncProperty(
          eventFilter,
          fc.constantFrom(...FILTER_FIELDS),
          fc.constantFrom(...HISTORY_INTERVALS),
          async (filter, groupBy, interval) => {
            const counts = await history.index.counts({
              filter,
              accounts: 'ALL',
              groupBy,
              top: 1000,
              interval,
            });
            const found = expected(filter);
            expect(counts.total).toBe(found.length);
            expect(counts.groups).toEqual(groupsOf(found, groupBy));
            expect(counts.buckets).toEqual(bucketsOf(found, interval));
          },
        ),
        { numRuns: 200, seed: 17 },
      );
    });

    it('gives the largest groups and says when there are more', async () => {
      const all = groupsOf(expected(ALL), 'eventName');
      const { groups, moreGroups } = await history.index.counts({
        filter: ALL,
        accounts: 'ALL',
        groupBy: 'eventName',
        top: 3,
      });
      expect(groups).toEqual(all.slice(0, 3));
      expect(moreGroups).toBe(true);
      const whole = await history.index.counts({
        filter: ALL,
        accounts: 'ALL',
        groupBy: 'eventName',
        top: all.length,
      });
      expect(whole.moreGroups).toBe(false);
      await expect(history.index.counts({ filter: ALL, accounts: 'ALL', top: 0 })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    });
  });

  describe(`${name} while events arrive`, () => {
    it('keeps cursors where they are: a walk sees each event that was there once', async () => {
      const journal = new ArrayJournal();
      const history = await open(journal);
      await history.projection.init();
      journal.add(...fc.sample(testEvent, { numRuns: 120, seed: 19 }));
      await project(history, journal, 50);
      const there = positions(
        journal
          .all()
          .map(known)
          .toSorted((a, b) => compare(b, a)),
      );
      const seen: number[] = [];
      let after: HistoryCursor | undefined;
      for (let more = true; more;) {
        const page = await history.index.search({
          filter: ALL,
          accounts: 'ALL',
          order: 'TIME_DESC',
          limit: 10,
          after,
        });
        seen.push(...page.rows.map(({ place }) => place.position));
        after = page.rows.at(-1)?.cursor;
        more = page.hasMore;
        journal.add(...fc.sample(testEvent, { numRuns: 5, seed: seen.length }));
        await project(history, journal, 50);
      }
      expect(seen.filter((position) => position < 120)).toEqual(there);
      expect(new Set(seen).size).toBe(seen.length);
      await history.close();
    });

    it('says how far it is behind', async () => {
      const journal = new ArrayJournal();
      const history = await open(journal);
      await history.projection.init();
      expect(await history.index.freshness()).toEqual({ eventsBehind: 0, secondsBehind: 0 });
      journal.now = Date.now() - 60_000;
      journal.add(...fc.sample(testEvent, { numRuns: 30, seed: 23 }));
      const { eventsBehind, secondsBehind } = await history.index.freshness();
      expect(eventsBehind).toBe(30);
      expect(secondsBehind).toBeGreaterThanOrEqual(60);
      await project(history, journal, 50);
      expect(await history.index.freshness()).toEqual({ eventsBehind: 0, secondsBehind: 0 });
      await history.close();
    });
  });
}

export interface Known {
  readonly event: JournalEvent;
  readonly fields: IndexedFields;
  readonly words: ReadonlySet<string>;
}

export function known(event: JournalEvent): Known {
  const record = readRecord(event.raw);
  return { event, fields: indexedFields(record, event), words: recordWords(record) };
}

/** By the second of eventTime, then by position. */
export function compare(a: Known, b: Known): number {
  const second = ({ fields }: Known): number => Math.floor(fields.eventTime / 1000);
  return second(a) - second(b) || a.event.place.position - b.event.place.position;
}

export function positions(events: readonly Known[]): number[] {
  return events.map(({ event }) => event.place.position);
}

function cursorOf(of: Known | undefined): HistoryCursor | undefined {
  if (of === undefined) return undefined;
  return { second: Math.floor(of.fields.eventTime / 1000), position: of.event.place.position };
}

function listed({ place: _place, cursor: _cursor, ...fields }: HistoryRow): IndexedFields {
  return fields;
}

/** Writes all that the projection has not seen. */
export async function project(
  { projection }: Pick<OpenHistory, 'projection'>,
  journal: ArrayJournal,
  limit: number,
): Promise<void> {
  for (let behind = 1; behind > 0;) {
    const slice = await journal.read(await projection.cursor(), limit);
    await projection.write(slice);
    ({ behind } = slice);
  }
}

async function pages(
  index: HistoryIndex,
  { take, ...search }: { filter: EventFilter; order: HistoryOrder; limit: number; take: 'START' | 'END' },
): Promise<number[][]> {
  const found: number[][] = [];
  let cursor: HistoryCursor | undefined;
  for (let more = true; more;) {
    const bound = take === 'START' ? { after: cursor } : { before: cursor };
    const page = await index.search({ ...search, ...bound, take, accounts: 'ALL' });
    found.push(page.rows.map(({ place }) => place.position));
    cursor = page.rows.at(take === 'START' ? -1 : 0)?.cursor;
    more = page.hasMore;
    if (more) expect(page.rows.length).toBe(search.limit);
  }
  return found;
}

export function groupsOf(
  events: readonly Known[],
  field: FilterField,
): { value: string | undefined; count: number }[] {
  const counts = new Map<string | undefined, number>();
  for (const { fields } of events) {
    const values = fieldValues(fields, field);
    for (const value of values.length === 0 ? [undefined] : values)
      counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const groups = [...counts].map(([value, count]) => ({ value, count }));
  return groups.toSorted((a, b) => b.count - a.count || (text(a.value) < text(b.value) ? -1 : 1));
}

/** What has no value comes last. */
function text(value: string | undefined): string {
  return value ?? '\uffff\uffff';
}

export function bucketsOf(
  events: readonly Known[],
  interval: HistoryInterval,
): { start: number; count: number }[] {
  const counts = new Map<number, number>();
  for (const { fields } of events) {
    const start = startOf(fields.eventTime, interval);
    counts.set(start, (counts.get(start) ?? 0) + 1);
  }
  return [...counts].map(([start, count]) => ({ start, count })).toSorted((a, b) => a.start - b.start);
}

function startOf(time: number, interval: HistoryInterval): number {
  const date = new Date(time);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  switch (interval) {
    case 'MINUTE':
      return Date.UTC(year, month, day, date.getUTCHours(), date.getUTCMinutes());
    case 'HOUR':
      return Date.UTC(year, month, day, date.getUTCHours());
    case 'DAY':
      return Date.UTC(year, month, day);
    case 'WEEK':
      return Date.UTC(year, month, day - ((date.getUTCDay() + 6) % 7));
    case 'MONTH':
      return Date.UTC(year, month, 1);
  }
}
