import { describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import { indexedFields } from '#domain/event-fields';
import { matches } from '#domain/filter/meaning';
import { checkLookup, LOOKUP_ATTRIBUTE_KEYS, type LookupRequest } from '#domain/lookup';

const NOW = Date.parse('2026-03-01T00:00:00Z');
const DAY = 86_400_000;

const RECORD = {
  userIdentity: { type: 'IAMUser', userName: 'alice', accessKeyId: 'AKIAEXAMPLE' },
  eventSource: 's3.amazonaws.com',
  eventName: 'GetBucketAcl',
  readOnly: true,
  resources: [{ ARN: 'arn:aws:s3:::logs', type: 'AWS::S3::Bucket' }],
};

function found(request: LookupRequest, record: object = RECORD, eventTime = NOW): boolean {
  const fields = indexedFields({ ...record }, { eventId: 'e1', account: '111122223333', eventTime });
  return matches(checkLookup(request, NOW).filter, fields, new Set());
}

function fault(request: LookupRequest): string {
  try {
    checkLookup(request, NOW);
  } catch (error) {
    if (error instanceof CairnError) return `${error.code} ${error.path}`;
    throw error;
  }
  return 'accepted';
}

describe('checkLookup', () => {
  it.each([
    ['EventId', 'e1'],
    ['EventName', 'GetBucketAcl'],
    ['ReadOnly', 'true'],
    ['Username', 'alice'],
    ['ResourceType', 'AWS::S3::Bucket'],
    ['ResourceName', 'logs'],
    ['ResourceName', 'arn:aws:s3:::logs'],
    ['EventSource', 's3.amazonaws.com'],
    ['AccessKeyId', 'AKIAEXAMPLE'],
  ])('finds by %s', (key, value) => {
    expect(found({ attributes: [{ key, value }] })).toBe(true);
    expect(found({ attributes: [{ key, value: key === 'ReadOnly' ? 'false' : `${value}x` }] })).toBe(false);
  });

  it('shows management events, or Insights when asked', () => {
    const insight = { eventCategory: 'Insight', insightDetails: { eventName: 'RunInstances' } };
    const data = { ...RECORD, eventCategory: 'Data' };
    expect([RECORD, insight, data].map((record) => found({}, record))).toEqual([true, false, false]);
    const asked = { eventCategory: 'insight', attributes: [{ key: 'EventName', value: 'RunInstances' }] };
    expect([RECORD, insight, data].map((record) => found(asked, record))).toEqual([false, true, false]);
  });

  it('reaches back 90 days, and takes both ends of a range', () => {
    expect(found({}, RECORD, NOW - 90 * DAY)).toBe(true);
    expect(found({}, RECORD, NOW - 90 * DAY - 1)).toBe(false);
    expect(found({ startTime: new Date(0) }, RECORD, NOW - 91 * DAY)).toBe(false);
    const range = { startTime: new Date(NOW - 2000), endTime: new Date(NOW - 1000) };
    const times = [NOW - 2001, NOW - 2000, NOW - 1000, NOW - 999];
    expect(times.map((time) => found(range, RECORD, time))).toEqual([false, true, true, false]);
    expect(found({ endTime: new Date(NOW - 100 * DAY) }, RECORD, NOW - 100 * DAY)).toBe(false);
  });

  it.each<[LookupRequest, string]>([
    [{ attributes: [{ key: 'Region', value: 'x' }] }, 'INVALID_LOOKUP_ATTRIBUTES lookupAttributes[0].key'],
    [{ attributes: [{ key: 'toString', value: 'x' }] }, 'INVALID_LOOKUP_ATTRIBUTES lookupAttributes[0].key'],
    [
      { attributes: [{ key: 'EventName', value: '' }] },
      'INVALID_LOOKUP_ATTRIBUTES lookupAttributes[0].value',
    ],
    [
      { attributes: [{ key: 'EventName', value: 'x'.repeat(2001) }] },
      'INVALID_LOOKUP_ATTRIBUTES lookupAttributes[0].value',
    ],
    [
      { attributes: [{ key: 'ReadOnly', value: 'yes' }] },
      'INVALID_LOOKUP_ATTRIBUTES lookupAttributes[0].value',
    ],
    [
      {
        attributes: [
          { key: 'EventName', value: 'x' },
          { key: 'Username', value: 'y' },
        ],
      },
      'INVALID_LOOKUP_ATTRIBUTES lookupAttributes',
    ],
    [
      { eventCategory: 'insight', attributes: [{ key: 'Username', value: 'x' }] },
      'INVALID_LOOKUP_ATTRIBUTES lookupAttributes[0].key',
    ],
    [{ eventCategory: 'data' }, 'INVALID_EVENT_CATEGORY eventCategory'],
    [{ startTime: new Date(NOW), endTime: new Date(NOW - 1) }, 'INVALID_TIME_RANGE startTime'],
    [{ endTime: new Date(Number.NaN) }, 'INVALID_TIME_RANGE endTime'],
    [{ maxResults: 0 }, 'INVALID_MAX_RESULTS maxResults'],
    [{ maxResults: 51 }, 'INVALID_MAX_RESULTS maxResults'],
    [{ maxResults: 1.5 }, 'INVALID_MAX_RESULTS maxResults'],
  ])('refuses %j', (request, expected) => {
    expect(fault(request)).toBe(expected);
  });

  it('ties a token to its parameters, not to the day or the page size', () => {
    const request = { attributes: [{ key: 'EventName', value: 'x' }], startTime: new Date(NOW - DAY) };
    const { fingerprint, maxResults } = checkLookup(request, NOW);
    expect(maxResults).toBe(50);
    expect(checkLookup({ ...request, maxResults: 7 }, NOW + DAY)).toMatchObject({
      fingerprint,
      maxResults: 7,
    });
    const others: LookupRequest[] = [
      { startTime: request.startTime },
      { ...request, attributes: [{ key: 'EventName', value: 'y' }] },
      { ...request, startTime: new Date(NOW) },
      { ...request, endTime: new Date(NOW) },
      { ...request, eventCategory: 'insight' },
    ];
    for (const other of others) expect(checkLookup(other, NOW).fingerprint).not.toBe(fingerprint);
    expect(LOOKUP_ATTRIBUTE_KEYS).toHaveLength(8);
  });
});
