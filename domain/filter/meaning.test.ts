import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IndexedFields } from '#domain/event';
import { FILTER_FIELDS, type EventFilter, type FilterField } from '#domain/filter/filter';
import { fieldValues, matches } from '#domain/filter/meaning';
import { isAll, isNone, simplify, splitTime } from '#domain/filter/simplify';
import {
  ALWAYS_PRESENT,
  eventTokens,
  existsToken,
  fieldToken,
  fieldTokenPrefix,
  networkTokenPrefixes,
  wordToken,
} from '#domain/filter/tokens';

const EVENT: IndexedFields = {
  eventId: 'e1',
  eventTime: 1000,
  eventName: 'GetObject',
  eventSource: 's3.amazonaws.com',
  readOnly: false,
  username: 'alice',
  principalArn: undefined,
  accessKeyId: undefined,
  resources: [
    { type: 'AWS::S3::Bucket', name: 'logs', arn: 'arn:aws:s3:::logs' },
    { type: 'AWS::S3::Object', name: undefined, arn: undefined },
  ],
  account: '111122223333',
  region: 'eu-west-1',
  sourceIPAddress: '2001:DB8::0:7',
  userAgent: 'x'.repeat(2049),
  errorCode: undefined,
  category: 'Data',
};
const WORDS = new Set(['getobject', 'logs']);
const holds = (filter: EventFilter): boolean => matches(filter, EVENT, WORDS);
const is = (field: FilterField, ...values: string[]): EventFilter => ({ kind: 'in', field, values });
const not = (filter: EventFilter): EventFilter => ({ kind: 'not', filter });

describe('matches', () => {
  it('compares whole values, case and all', () => {
    expect(holds(is('eventName', 'PutObject', 'GetObject'))).toBe(true);
    expect(holds(is('eventName', 'getobject'))).toBe(false);
    expect(holds(is('eventName', 'GetObjec'))).toBe(false);
    expect(holds({ kind: 'prefix', field: 'eventName', value: 'Get' })).toBe(true);
    expect(holds({ kind: 'prefix', field: 'eventName', value: 'get' })).toBe(false);
    expect(holds(is('readOnly', 'false'))).toBe(true);
  });

  it('fits one of several resources', () => {
    expect(holds(is('resourceType', 'AWS::S3::Object'))).toBe(true);
    expect(
      holds({ kind: 'and', filters: [is('resourceType', 'AWS::S3::Object'), is('resourceName', 'logs')] }),
    ).toBe(true);
  });

  it('a missing value fits nothing, and not is the complement', () => {
    expect(holds(is('errorCode', 'AccessDenied'))).toBe(false);
    expect(holds(not(is('errorCode', 'AccessDenied')))).toBe(true);
    expect(holds({ kind: 'exists', field: 'errorCode' })).toBe(false);
    expect(holds({ kind: 'exists', field: 'username' })).toBe(true);
    expect(
      matches({ kind: 'cidr', network: '0.0.0.0/0' }, { ...EVENT, sourceIPAddress: undefined }, WORDS),
    ).toBe(false);
  });

  it('compares addresses, not their spelling', () => {
    expect(holds(is('sourceIPAddress', '2001:db8::7'))).toBe(true);
    expect(holds({ kind: 'cidr', network: '2001:db8::/32' })).toBe(true);
    expect(holds({ kind: 'cidr', network: '0.0.0.0/0' })).toBe(false);
    const internal = { ...EVENT, sourceIPAddress: 'AWS Internal' };
    expect(matches(is('sourceIPAddress', 'AWS Internal'), internal, WORDS)).toBe(true);
    expect(matches({ kind: 'cidr', network: '::/0' }, internal, WORDS)).toBe(false);
  });

  it('takes a range of time as from <= time < to', () => {
    const range = (from: number | undefined, to: number | undefined) => holds({ kind: 'time', from, to });
    expect([range(1000, 1001), range(undefined, 1001), range(1000, undefined)]).toEqual([true, true, true]);
    expect([range(1001, undefined), range(undefined, 1000)]).toEqual([false, false]);
  });

  it('wants every word', () => {
    expect(holds({ kind: 'words', words: ['logs', 'getobject'] })).toBe(true);
    expect(holds({ kind: 'words', words: ['logs', 'other'] })).toBe(false);
  });

  it('a value beyond every filter still has its beginning', () => {
    expect(holds(is('userAgent', 'x'.repeat(2048)))).toBe(false);
    expect(holds({ kind: 'prefix', field: 'userAgent', value: 'x'.repeat(200) })).toBe(true);
  });
});

/** Few, awkward values, so that random filters hit random events. */
const VALUES = [
  'a',
  'A',
  'aa',
  'ab',
  'aB',
  'a.b',
  'a_b',
  'a b',
  'ä',
  'ab\ud800',
  '10.0.0.1',
  '10.0.0.130',
  '::1',
  'true',
];
const LONG = `${'ab'.repeat(100)}c`;
const value = fc.constantFrom(...VALUES, LONG, `${LONG}d`, LONG.slice(0, 200));
const optional = fc.option(value, { nil: undefined });
const field = fc.constantFrom(...FILTER_FIELDS);
const instant = fc.nat({ max: 5 });

const events: fc.Arbitrary<IndexedFields> = fc.record({
  eventId: value,
  eventTime: instant,
  eventName: optional,
  eventSource: optional,
  readOnly: fc.option(fc.boolean(), { nil: undefined }),
  username: optional,
  principalArn: optional,
  accessKeyId: optional,
  resources: fc.array(fc.record({ type: optional, name: optional, arn: optional }), { maxLength: 3 }),
  account: value,
  region: optional,
  sourceIPAddress: optional,
  userAgent: optional,
  errorCode: optional,
  category: fc.constantFrom('Management', 'Data'),
});

const { filter: filters } = fc.letrec<{ filter: EventFilter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small' },
    fc.constant<EventFilter>({ kind: 'all' }),
    fc.record<EventFilter & { kind: 'in' }>({
      kind: fc.constant('in'),
      field,
      values: fc.array(value, { maxLength: 3 }),
    }),
    fc.record<EventFilter & { kind: 'prefix' }>({ kind: fc.constant('prefix'), field, value }),
    fc.record<EventFilter & { kind: 'exists' }>({ kind: fc.constant('exists'), field }),
    fc.record<EventFilter & { kind: 'cidr' }>({
      kind: fc.constant('cidr'),
      network: fc.constantFrom('10.0.0.0/8', '10.0.0.0/25', '10.0.0.1/32', '0.0.0.0/0', '::/0', '::1/128'),
    }),
    fc.record<EventFilter & { kind: 'time' }>({
      kind: fc.constant('time'),
      from: fc.option(instant, { nil: undefined }),
      to: fc.option(instant, { nil: undefined }),
    }),
    fc.record<EventFilter & { kind: 'words' }>({
      kind: fc.constant('words'),
      words: fc.array(fc.constantFrom('a', 'ab', 'ä', 'x.y'), { maxLength: 2 }),
    }),
    fc.record<EventFilter & { kind: 'and' | 'or' }>({
      kind: fc.constantFrom('and', 'or'),
      filters: fc.array(tie('filter'), { maxLength: 3 }),
    }),
    fc.record<EventFilter & { kind: 'not' }>({ kind: fc.constant('not'), filter: tie('filter') }),
  ),
}));
const words = fc.uniqueArray(fc.constantFrom('a', 'ab', 'ä', 'x.y')).map((list) => new Set(list));

/** An index that knows tokens and time only: what SQLite and OpenSearch do with them. */
function found(filter: EventFilter, tokens: ReadonlySet<string>, time: number): boolean {
  const begins = (prefix: string): boolean => [...tokens].some((token) => token.startsWith(prefix));
  switch (filter.kind) {
    case 'all':
      return true;
    case 'and':
      return filter.filters.every((inner) => found(inner, tokens, time));
    case 'or':
      return filter.filters.some((inner) => found(inner, tokens, time));
    case 'not':
      return !found(filter.filter, tokens, time);
    case 'in':
      return filter.values.some((one) => tokens.has(fieldToken(filter.field, one)));
    case 'prefix':
      return begins(fieldTokenPrefix(filter.field, filter.value.slice(0, 200)));
    case 'exists':
      return ALWAYS_PRESENT.includes(filter.field) || tokens.has(existsToken(filter.field));
    case 'cidr':
      return networkTokenPrefixes(filter.network).some(begins);
    case 'time':
      return (filter.from ?? time) <= time && time < (filter.to ?? time + 1);
    case 'words':
      return filter.words.every((word) => tokens.has(wordToken(word)));
  }
}

/** Prefixes beyond MAX_PREFIX_CHARS never pass checkFilter. */
function shortPrefixes(filter: EventFilter): boolean {
  if (filter.kind === 'and' || filter.kind === 'or') return filter.filters.every(shortPrefixes);
  if (filter.kind === 'not') return shortPrefixes(filter.filter);
  return filter.kind !== 'prefix' || filter.value.length <= 200;
}

describe('simplify', () => {
  it('matches what the filter matched, and is done at once', () => {
    fc.assert(
      fc.property(filters, events, words, (filter, event, wordSet) => {
        const simple = simplify(filter);
        expect(matches(simple, event, wordSet)).toBe(matches(filter, event, wordSet));
        expect(simplify(simple)).toEqual(simple);
        const { range, rest } = splitTime(simple);
        const inRange = matches({ kind: 'time', from: range.from, to: range.to }, event, wordSet);
        expect(inRange && matches(rest, event, wordSet)).toBe(matches(filter, event, wordSet));
      }),
      { numRuns: 3000 },
    );
  });

  it('folds constants and merges time ranges', () => {
    const range = (from?: number, to?: number): EventFilter => ({ kind: 'time', from, to });
    const merged = simplify({ kind: 'and', filters: [range(1), { kind: 'and', filters: [range(0, 9)] }] });
    expect(merged).toEqual(range(1, 9));
    expect(isNone(simplify({ kind: 'and', filters: [range(5), range(0, 5), is('eventName', 'A')] }))).toBe(
      true,
    );
    expect(
      isAll(simplify({ kind: 'or', filters: [not({ kind: 'or', filters: [] }), is('username', 'x')] })),
    ).toBe(true);
    expect(simplify(not(not(is('username', 'x', 'x'))))).toEqual(is('username', 'x'));
  });
});

describe('tokens', () => {
  it('find exactly what matches does', () => {
    fc.assert(
      fc.property(filters, events, words, (filter, event, wordSet) => {
        fc.pre(shortPrefixes(filter));
        const tokens = new Set(eventTokens(event, wordSet));
        expect(found(filter, tokens, event.eventTime)).toBe(matches(filter, event, wordSet));
      }),
      { numRuns: 5000 },
    );
  });

  it('are plain, bounded, one-to-one and keep beginnings', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(
      fc.property(text, text, fc.nat({ max: 200 }), (one, other, length) => {
        const token = fieldToken('userAgent', one);
        expect(token).toMatch(/^b[a-z0-9_]*$/);
        expect(token.length).toBeLessThan(1300);
        expect(token === fieldToken('userAgent', other)).toBe(one === other);
        expect(token.startsWith(fieldTokenPrefix('userAgent', one.slice(0, length)))).toBe(true);
        const foreign = other.slice(0, length);
        expect(token.startsWith(fieldTokenPrefix('userAgent', foreign))).toBe(one.startsWith(foreign));
      }),
      { numRuns: 3000 },
    );
  });

  it('of long values differ where the values do, be it in half a character', () => {
    const long = (end: string): string => fieldToken('userAgent', 'x'.repeat(250) + end);
    expect(new Set([long('\ud800'), long('\ud801'), long('\ufffd'), long('')]).size).toBe(4);
  });

  it('of different fields share no beginning', () => {
    const letters = FILTER_FIELDS.map((name) => fieldToken(name, ''));
    expect(new Set([...letters, wordToken(''), existsToken('region')[0], 'h']).size).toBe(letters.length + 3);
    expect(fieldValues(EVENT, 'resourceName')).toEqual(['logs']);
  });
});
