import * as fc from 'fast-check';
import { FILTER_FIELDS, type EventFilter, type FilterField } from '#domain/filter/filter';
import { parseNetwork, formatNetwork } from '#domain/filter/ip';
import type { TestEvent } from '#test/array-journal';

/** Few values per field, so that filters hit; among them what other people may send. */
const HOSTILE = [
  '" OR "z',
  "'; DROP TABLE event; --",
  'z',
  'NOT',
  'a*',
  '\u0000x',
  '\ud800x',
  '\udfff',
  'É\u{1F600}',
];
const NAMES = ['GetObject', 'GetBucketAcl', 'getobject', 'PutObject', 'ConsoleLogin', ...HOSTILE];
const ADDRESSES = [
  '192.0.2.1',
  '192.0.2.77',
  '198.51.100.7',
  '2001:db8::1',
  '2001:DB8:0::2',
  '::ffff:192.0.2.9',
  'AWS Internal',
  's3.amazonaws.com',
];
const ACCOUNTS = ['111111111111', '222222222222', '333333333333'];
const WORDS = ['alice', 'ALICE', 'bucket', 'naïve', 'straße', '10.1', 'x', '\ud800', 'and'];
const IDS = ['0a1b2c3d-0000-4000-8000-00000000000', '0a1b2c3d-0000-4000-8000-1111111111', 'Not an id ', ''];
export const FIRST_TIME = Date.UTC(2025, 10, 30, 23, 59, 50);

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const name = fc.constantFrom(...NAMES);
const id = fc
  .tuple(fc.constantFrom(...IDS), fc.nat(99))
  .map(([start, number]) =>
    start.length > 30 ? start + `${number}`.padStart(36 - start.length, '0') : `${start}${number}`,
  );
const arn = fc.constantFrom(
  'arn:aws:iam::1:user/A',
  'arn:aws:iam::1:user/a',
  'arn:aws:sts::1:assumed-role/R/s',
  ...HOSTILE,
);
const time = fc.oneof(
  fc.nat(20).map((seconds) => FIRST_TIME + seconds * 1000),
  fc.nat(20_000).map((milliseconds) => FIRST_TIME + milliseconds),
  fc.constantFrom(0, Date.UTC(1999, 11, 31), Date.UTC(2025, 0, 1), Date.UTC(2026, 1, 3)),
);
const resource = fc.record({ type: maybe(name), ARN: maybe(arn) });

export const testEvent: fc.Arbitrary<TestEvent> = fc
  .record({
    account: fc.constantFrom(...ACCOUNTS),
    eventId: id,
    eventTime: time,
    fields: fc.record(
      {
        eventName: maybe(name),
        eventSource: maybe(fc.constantFrom('s3.amazonaws.com', 'iam.amazonaws.com', ...HOSTILE)),
        readOnly: maybe(fc.boolean()),
        awsRegion: maybe(fc.constantFrom('eu-central-1', 'us-east-1', 'xx-nowhere-1')),
        sourceIPAddress: maybe(fc.constantFrom(...ADDRESSES, ...HOSTILE)),
        userAgent: maybe(fc.oneof(name, fc.constantFrom('a'.repeat(3000), `${'a'.repeat(2990)}b`))),
        errorCode: maybe(fc.constantFrom('AccessDenied', 'NoSuchKey')),
        eventCategory: fc.constantFrom('Management', 'Data', 'Insight'),
        resources: maybe(fc.array(resource, { maxLength: 3 })),
        requestParameters: maybe(
          fc.dictionary(fc.constantFrom(...WORDS), fc.constantFrom(...WORDS, ...IDS), { maxKeys: 3 }),
        ),
      },
      { requiredKeys: [] },
    ),
    identity: maybe(
      fc.record({
        userName: maybe(name),
        arn: maybe(arn),
        accessKeyId: maybe(fc.constantFrom('AKIA1', 'ASIA2')),
      }),
    ),
    saysId: fc.boolean(),
  })
  .map(({ account, eventId, eventTime, fields, identity, saysId }) => ({
    account,
    eventId,
    eventTime,
    record: { ...fields, ...(saysId ? { eventID: eventId } : {}), userIdentity: identity },
  }));

/** Values that events have, their relatives, and others. */
function valueOf(field: FilterField): fc.Arbitrary<string> {
  switch (field) {
    case 'eventId':
      return id;
    case 'account':
      return fc.constantFrom(...ACCOUNTS, '999999999999');
    case 'readOnly':
      return fc.constantFrom('true', 'false');
    case 'sourceIPAddress':
      return fc.constantFrom('192.0.2.1', '2001:db8::2', '192.0.2.9', 'AWS Internal', ...HOSTILE);
    case 'category':
      return fc.constantFrom('Management', 'Data', 'Insight', 'Evidence');
    case 'errorCode':
      return fc.constantFrom('AccessDenied', 'NoSuchKey', 'Other');
    case 'principalArn':
    case 'resourceArn':
      return arn;
    default:
      return fc.oneof(
        name,
        fc.constantFrom('s3.amazonaws.com', 'us-east-1', 'A', 'a', 'AKIA1', 'a'.repeat(2990)),
      );
  }
}

const field = fc.constantFrom(...FILTER_FIELDS);
const network = fc
  .constantFrom(
    '192.0.2.0/24',
    '192.0.2.64/26',
    '0.0.0.0/0',
    '2001:db8::/32',
    '2001:db8::2/128',
    '::/0',
    '10.0.0.0/8',
  )
  .map((text) => {
    const parsed = parseNetwork(text);
    return parsed === undefined ? text : formatNetwork(parsed);
  });

const leaf: fc.Arbitrary<EventFilter> = fc.oneof(
  field.chain((of) =>
    fc
      .array(valueOf(of), { minLength: 1, maxLength: 3 })
      .map((values) => ({ kind: 'in' as const, field: of, values })),
  ),
  field.chain((of) =>
    fc.tuple(valueOf(of), fc.integer({ min: 1, max: 40 })).map(([value, length]) => ({
      kind: 'prefix' as const,
      field: of,
      value: value.slice(0, Math.min(length, 200)),
    })),
  ),
  field.map((of) => ({ kind: 'exists' as const, field: of })),
  network.map((text) => ({ kind: 'cidr' as const, network: text })),
  fc.tuple(maybe(time), maybe(time)).map(([from, to]) => ({ kind: 'time' as const, from, to })),
  fc
    .array(
      fc.constantFrom(
        'alice',
        'bucket',
        'naïve',
        'strasse',
        'straße',
        '10.1',
        'x',
        'and',
        IDS[0] + '0',
        'getobject',
      ),
      {
        minLength: 1,
        maxLength: 2,
      },
    )
    .map((words) => ({ kind: 'words' as const, words })),
);

/** Filters of any shape, a few levels deep. */
export const eventFilter: fc.Arbitrary<EventFilter> = filterTree(leaf);

/** The same with other conditions. */
export function filterTree(conditions: fc.Arbitrary<EventFilter>): fc.Arbitrary<EventFilter> {
  return fc.letrec<{ filter: EventFilter }>((tie) => ({
    filter: fc.oneof(
      { depthSize: 'small', maxDepth: 4 },
      { arbitrary: conditions, weight: 3 },
      {
        arbitrary: fc.record({
          kind: fc.constantFrom('and' as const, 'or' as const),
          filters: fc.array(tie('filter'), { maxLength: 3 }),
        }),
        weight: 2,
      },
      { arbitrary: tie('filter').map((filter) => ({ kind: 'not' as const, filter })), weight: 1 },
      { arbitrary: fc.constant({ kind: 'all' as const }), weight: 1 },
    ),
  })).filter;
}
