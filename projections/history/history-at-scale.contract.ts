import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRefusal, parseEvent } from '#domain/event-parse';
import { FILTER_FIELDS, type EventFilter } from '#domain/filter/filter';
import { formatNetwork, parseNetwork } from '#domain/filter/ip';
import { fieldValues, matches } from '#domain/filter/meaning';
import { EXAMPLE_ACCOUNTS, generateEvents } from '#domain/generator/events';
import type { Journal } from '#journal/types';
import {
  bucketsOf,
  compare,
  groupsOf,
  known,
  positions,
  project,
  type Known,
  type OpenHistory,
} from '#projections/history/history-index.contract';
import { HISTORY_INTERVALS } from '#projections/history/history-index';
import { filterTree } from '#test/arbitrary-events';
import { ArrayJournal } from '#test/array-journal';
import { HAS_REAL_RECORDS, REAL_RECORD_FOLDERS, realRecords } from '#test/real-records';

const GENERATED = 50_000;
const FROM = Date.UTC(2026, 0, 10);
const TO = Date.UTC(2026, 2, 20);
const PAGE = 200;
const TOP = 20;

/** That an index agrees with `matches` on as many events as a small installation has, and on real ones. */
export function describeHistoryAtScale(
  name: string,
  open: (journal: Pick<Journal, 'read'>) => Promise<OpenHistory>,
): void {
  describe(`${name} agrees with the meaning of filters`, { timeout: 600_000 }, () => {
    const generated = { count: GENERATED, seed: 31, from: FROM, to: TO, accounts: EXAMPLE_ACCOUNTS };
    checkAgreement('on 50,000 generated events', { open, raws: () => textsOf(generated), runs: 120 });
  });
  describe.skipIf(!HAS_REAL_RECORDS)(
    `${name} agrees with the meaning of filters`,
    { timeout: 600_000 },
    () => {
      const raws = (): Buffer[] => REAL_RECORD_FOLDERS.flatMap(realRecords);
      checkAgreement('on all real records', { open, raws, runs: 200 });
    },
  );
}

interface Subject {
  readonly open: (journal: Pick<Journal, 'read'>) => Promise<OpenHistory>;
  readonly raws: () => Iterable<Buffer>;
  readonly runs: number;
}

function checkAgreement(title: string, { open, raws, runs }: Subject): void {
  describe(title, () => {
    let history: OpenHistory;
    /** Newest first. */
    let events: readonly Known[];
    let filters: fc.Arbitrary<EventFilter>;

    beforeAll(async () => {
      const journal = new ArrayJournal();
      addAll(journal, raws());
      history = await open(journal);
      await history.projection.init();
      await project(history, journal, 10_000);
      events = journal
        .all()
        .map(known)
        .toSorted((a, b) => compare(b, a));
      filters = filterTree(conditionsOf(events));
    }, 600_000);
    afterAll(() => history.close());

    it('in pages and counts', async () => {
      let hits = 0;
      await fc.assert(
        fc.asyncProperty(
          filters,
          fc.constantFrom(...FILTER_FIELDS),
          fc.constantFrom(...HISTORY_INTERVALS),
          async (filter, groupBy, interval) => {
            const found = events.filter(({ fields, words }) => matches(filter, fields, words));
            hits += found.length;
            const page = await history.index.search({
              filter,
              accounts: 'ALL',
              order: 'TIME_DESC',
              limit: PAGE,
            });
            expect(page.rows.map(({ place }) => place.position)).toEqual(positions(found.slice(0, PAGE)));
            expect(page.hasMore).toBe(found.length > PAGE);
            const buckets = bucketsOf(found, interval);
            if (buckets.length > MAX_BUCKETS_HERE) return;
            const counts = await history.index.counts({
              filter,
              accounts: 'ALL',
              groupBy,
              top: TOP,
              interval,
            });
            const groups = groupsOf(found, groupBy);
            expect(counts).toEqual({
              total: found.length,
              groups: groups.slice(0, TOP),
              moreGroups: groups.length > TOP,
              buckets,
            });
          },
        ),
        { numRuns: runs, seed: 37 },
      );
      expect(hits).toBeGreaterThan(events.length * 5);
    });

    it('when all events are walked through, page by page', async () => {
      const seen: number[] = [];
      let after = undefined;
      for (let more = true; more;) {
        const page = await history.index.search({
          filter: { kind: 'all' },
          accounts: 'ALL',
          order: 'TIME_DESC',
          limit: 1000,
          after,
        });
        seen.push(...page.rows.map(({ place }) => place.position));
        after = page.rows.at(-1)?.cursor;
        more = page.hasMore;
      }
      expect(seen).toEqual(positions(events));
    });
  });
}

/** An index refuses more than 10,000; minutes of a quarter may be more. */
const MAX_BUCKETS_HERE = 10_000;

function* textsOf(options: Parameters<typeof generateEvents>[0]): Generator<Buffer> {
  for (const text of generateEvents(options)) yield Buffer.from(text);
}

/** What the doors would accept. */
function addAll(journal: ArrayJournal, raws: Iterable<Buffer>): void {
  for (const raw of raws) {
    const event = parseEvent(raw, { now: Date.UTC(2026, 11, 1) });
    if (isRefusal(event)) continue;
    const { account = EXAMPLE_ACCOUNTS[0], eventId, eventTime, record } = event;
    journal.add({ account, eventId, eventTime, record });
  }
}

/** Conditions that some events fit: values, beginnings, networks, times and words of theirs. */
function conditionsOf(events: readonly Known[]): fc.Arbitrary<EventFilter> {
  const one = fc.constantFrom(...events);
  const field = fc.constantFrom(...FILTER_FIELDS);
  const value = fc
    .tuple(field, one)
    .map(([of, { fields }]) => ({ field: of, value: fieldValues(fields, of)[0] ?? 'nothing' }));
  return fc.oneof(
    value.map(({ field: of, value: text }) => ({ kind: 'in' as const, field: of, values: [text] })),
    fc.tuple(value, fc.integer({ min: 1, max: 30 })).map(([{ field: of, value: text }, length]) => ({
      kind: 'prefix' as const,
      field: of,
      value: text.slice(0, length),
    })),
    field.map((of) => ({ kind: 'exists' as const, field: of })),
    fc.tuple(one, fc.integer({ min: 4, max: 32 })).map(([{ fields }, bits]) => ({
      kind: 'cidr' as const,
      network: networkOf(fields.sourceIPAddress, bits),
    })),
    fc.tuple(one, one).map(([a, b]) => ({
      kind: 'time' as const,
      from: Math.min(a.fields.eventTime, b.fields.eventTime),
      to: Math.max(a.fields.eventTime, b.fields.eventTime) + 1,
    })),
    fc.tuple(one, fc.nat()).map(([{ words }, at]) => {
      const all = [...words];
      return { kind: 'words' as const, words: [all[at % all.length] ?? 'nothing'] };
    }),
  );
}

function networkOf(address: string | undefined, bits: number): string {
  const network = parseNetwork(`${address}/${bits}`);
  return network === undefined ? '192.0.2.0/24' : formatNetwork(network);
}
