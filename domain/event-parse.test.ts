import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventRefusal, ParsedEvent } from '#domain/event';
import { isRefusal, MAX_EVENT_BYTES, MAX_EVENT_DEPTH, parseEvent } from '#domain/event-parse';

const NOW = Date.parse('2026-03-01T00:00:00Z');
const HOUR = 3_600_000;

const RECORD = {
  eventVersion: '1.08',
  userIdentity: { type: 'IAMUser', accountId: '111122223333', userName: 'alice' },
  eventTime: '2026-02-27T12:00:00Z',
  eventSource: 's3.amazonaws.com',
  eventName: 'GetObject',
  eventID: '81e8970d-af59-4d11-8541-4d7c91ed8d4a',
  recipientAccountId: '444455556666',
};

function parse(input: Buffer | string | object, now = NOW): ParsedEvent | EventRefusal {
  const text = typeof input === 'string' ? input : JSON.stringify(input);
  return parseEvent(Buffer.isBuffer(input) ? input : Buffer.from(text), { now });
}

function accepted(input: string | object): ParsedEvent {
  const result = parse(input);
  if (isRefusal(result)) throw new Error(`${result.code} ${result.path}: ${result.message}`);
  return result;
}

function refused(input: Buffer | string | object): string {
  const result = parse(input);
  return isRefusal(result) ? `${result.code} ${result.path ?? '-'}` : 'accepted';
}

const without = (name: string): object =>
  Object.fromEntries(Object.entries(RECORD).filter(([key]) => key !== name));

describe('parseEvent', () => {
  it('says what the journal needs and keeps the very bytes', () => {
    const raw = Buffer.from(`  ${JSON.stringify(RECORD)}\n`);
    const event = parseEvent(raw, { now: NOW });
    if (isRefusal(event)) throw new Error(event.message);
    expect(event.raw).toBe(raw);
    expect(event).toMatchObject({
      eventId: RECORD.eventID,
      eventTime: Date.parse(RECORD.eventTime),
      category: 'Management',
      account: '444455556666',
    });
  });

  describe('accepts what real producers send', () => {
    it.each(['1.0', '1.01', '1.02', '1.05', '1.08', '1.10', '1.11', '2.0'])('version %s', (eventVersion) => {
      expect(accepted({ ...RECORD, eventVersion }).eventId).toBe(RECORD.eventID);
    });

    it.each(['eventVersion', 'recipientAccountId'])('no %s', (name) => {
      expect(accepted(without(name)).account).toBe(name === 'eventVersion' ? '444455556666' : '111122223333');
    });

    it('an event without an id, by the hash of its bytes', () => {
      for (const record of [without('eventID'), { ...RECORD, eventID: null }, { ...RECORD, eventID: '' }]) {
        const digest = createHash('sha256').update(JSON.stringify(record)).digest('hex');
        expect(accepted(record).eventId).toBe(digest);
      }
    });

    it('identities without a type, regions that do not exist, fields that it does not know', () => {
      const record = { ...RECORD, userIdentity: {}, awsRegion: 'euiso-south-3r', 'x-trace': [{ a: null }] };
      expect(accepted(record).record).toEqual(record);
    });

    it('accounts that are none, as none', () => {
      const userIdentity = { accountId: 'anonymous' };
      expect(accepted({ ...RECORD, recipientAccountId: 'my-tenant', userIdentity }).account).toBeUndefined();
      expect(accepted({ ...RECORD, recipientAccountId: 444455556666, userIdentity }).account).toBeUndefined();
    });
  });

  describe('knows the categories', () => {
    it.each([
      [{ eventCategory: 'Data' }, 'Data'],
      [{ eventCategory: 'NetworkActivity' }, 'NetworkActivity'],
      [{ eventType: 'AwsVpceEvents' }, 'NetworkActivity'],
      [{ managementEvent: false }, 'Data'],
      [{ managementEvent: true }, 'Management'],
      [{ eventCategory: 'Billing' }, 'Management'],
      [{ eventCategory: 7 }, 'Management'],
    ])('%j', (fields, category) => {
      expect(accepted({ ...RECORD, ...fields }).category).toBe(category);
    });

    it('Insights of trails and of event data stores', () => {
      const envelope = { eventTime: RECORD.eventTime, eventID: 'i', recipientAccountId: '444455556666' };
      const insightDetails = { eventSource: 'a.amazonaws.com', eventName: 'Call', state: 'Start' };
      expect(accepted({ ...envelope, insightDetails })).toMatchObject({ category: 'Insight', eventId: 'i' });
      const flat = { eventCategory: 'Insight', insightEventSource: 'a', insightEventName: 'b' };
      expect(accepted({ ...envelope, ...flat }).category).toBe('Insight');
      expect(refused({ ...envelope, insightDetails: { eventName: 'Call' } })).toBe(
        'FIELD_NOT_FOUND insightDetails.eventSource',
      );
      expect(refused({ ...envelope, eventType: 'AwsCloudTrailInsight' })).toBe(
        'FIELD_NOT_FOUND insightDetails.eventSource',
      );
    });

    it('aggregated events by eventId and the start of their window', () => {
      const timeWindow = { windowStart: '2026-02-27T12:00:00Z', windowEnd: '2026-02-27T12:05:00Z' };
      const record = { eventCategory: 'Aggregated', eventId: 'agg', accountId: '444455556666', timeWindow };
      expect(accepted(record)).toMatchObject({
        eventId: 'agg',
        eventTime: Date.parse(timeWindow.windowStart),
        account: '444455556666',
      });
      expect(refused({ ...record, timeWindow: {} })).toBe('FIELD_NOT_FOUND timeWindow.windowStart');
      expect(refused({ ...record, eventId: undefined })).toBe('FIELD_NOT_FOUND eventId');
    });

    it('partner events, as sent and as stored', () => {
      const sent = {
        version: '1.0',
        UID: 'uid-1',
        userIdentity: { type: 'Person', principalId: 'p' },
        eventTime: '2026-02-27T12:00:00',
        eventSource: 'vendor.example',
        eventName: 'Login',
        recipientAccountId: '444455556666',
      };
      expect(accepted(sent)).toMatchObject({ category: 'ActivityAuditLog', eventId: 'uid-1' });
      const stored = { eventCategory: 'ActivityAuditLog', eventID: 'e-1', eventData: sent };
      expect(accepted(stored)).toMatchObject({
        eventId: 'e-1',
        eventTime: Date.parse('2026-02-27T12:00:00Z'),
        account: '444455556666',
      });
      expect(refused({ ...stored, eventData: { ...sent, UID: '' } })).toBe('FIELD_NOT_FOUND eventData.UID');
    });

    it('Config items and evidence', () => {
      const envelope = { eventTime: RECORD.eventTime, eventID: 'c-1', recipientAccountId: '444455556666' };
      const item = { resourceType: 'AWS::S3::Bucket', resourceId: 'b' };
      expect(accepted({ ...envelope, eventCategory: 'ConfigurationItem', eventData: item }).eventId).toBe(
        'c-1',
      );
      expect(accepted({ ...envelope, eventCategory: 'Evidence', eventData: {} }).category).toBe('Evidence');
      expect(refused({ ...envelope, eventCategory: 'ConfigurationItem', eventData: {} })).toBe(
        'FIELD_NOT_FOUND eventData.resourceType',
      );
    });
  });

  describe('refuses what cannot be an event', () => {
    it.each(['eventTime', 'eventSource', 'eventName', 'userIdentity'])('without %s', (name) => {
      expect(refused(without(name))).toBe(`FIELD_NOT_FOUND ${name}`);
      expect(refused({ ...RECORD, [name]: null })).toBe(`FIELD_NOT_FOUND ${name}`);
      expect(refused({ ...RECORD, [name]: 7 })).toBe(`INVALID_EVENT ${name}`);
      expect(refused({ ...RECORD, [name]: [] })).toBe(`INVALID_EVENT ${name}`);
    });

    it.each([
      ['', 'INVALID_JSON -'],
      ['{', 'INVALID_JSON -'],
      [`\ufeff${JSON.stringify(RECORD)}`, 'INVALID_JSON -'],
      [`${JSON.stringify(RECORD)}{}`, 'INVALID_JSON -'],
      ['[]', 'INVALID_EVENT -'],
      ['null', 'INVALID_EVENT -'],
      ['"text"', 'INVALID_EVENT -'],
      ['{}', 'FIELD_NOT_FOUND eventTime'],
    ])('%j', (text, expected) => {
      expect(refused(text)).toBe(expected);
    });

    it('bytes that are not UTF-8', () => {
      const text = Buffer.from(JSON.stringify(RECORD));
      expect(
        refused(Buffer.concat([text.subarray(0, 20), Buffer.from([0xc3, 0x28]), text.subarray(20)])),
      ).toBe('INVALID_UTF8 -');
      expect(refused(Buffer.from('{"a":"\xed\xa0\x80"}', 'latin1'))).toBe('INVALID_UTF8 -');
    });

    it('more than 1 MB, but not 1 MB', () => {
      const fill = (bytes: number): object => ({ ...RECORD, fill: 'x'.repeat(bytes) });
      const overhead = JSON.stringify(fill(0)).length;
      expect(refused(fill(MAX_EVENT_BYTES - overhead))).toBe('accepted');
      expect(refused(fill(MAX_EVENT_BYTES - overhead + 1))).toBe('EVENT_TOO_LARGE -');
    });

    it('more than the depth, however deep', () => {
      const nested = (levels: number): string =>
        `${JSON.stringify(RECORD).slice(0, -1)},"deep":${'['.repeat(levels)}${']'.repeat(levels)}}`;
      expect(refused(nested(MAX_EVENT_DEPTH - 1))).toBe('accepted');
      expect(refused(nested(MAX_EVENT_DEPTH))).toBe('TOO_DEEP -');
      expect(refused(nested(500_000))).toBe('TOO_DEEP -');
    });

    it('times that are none, before 1970 or more than a day ahead', () => {
      const at = (eventTime: string): string => refused({ ...RECORD, eventTime });
      expect(at('yesterday')).toBe('INVALID_EVENT_TIME eventTime');
      expect(at('1969-12-31T23:59:59Z')).toBe('INVALID_EVENT_TIME eventTime');
      expect(at('1970-01-01T00:00:00Z')).toBe('accepted');
      expect(at(new Date(NOW + 24 * HOUR).toISOString())).toBe('accepted');
      expect(at(new Date(NOW + 24 * HOUR + 1).toISOString())).toBe('INVALID_EVENT_TIME eventTime');
    });

    it.each([7, {}, 'a\u0000b', 'a\nb', '\ud800', 'x'.repeat(1025)])('the eventID %j', (eventID) => {
      expect(refused({ ...RECORD, eventID })).toBe('INVALID_EVENT eventID');
    });

    it('without showing the content in its message', () => {
      const result = parse('{"secret":"hunter2" x}');
      expect(isRefusal(result) && result.message).toBe('The event is not valid JSON at position 20.');
    });
  });

  describe('withstands hostile records', () => {
    it('__proto__ and constructor are plain names', () => {
      const text = `${JSON.stringify(RECORD).slice(0, -1)},"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`;
      const event = accepted(text);
      expect(Object.keys(event.record)).toContain('__proto__');
      expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('polluted');
    });

    it('required fields are not inherited', () => {
      const text = `{"__proto__":${JSON.stringify(RECORD)}}`;
      expect(refused(text)).toBe('FIELD_NOT_FOUND eventTime');
    });

    it('a record that looks like a refusal is a record', () => {
      expect(isRefusal(accepted({ ...RECORD, code: 'TOO_DEEP', path: 'x', message: 'y' }))).toBe(false);
    });

    it('10,000 names, control characters and lone surrogates are kept', () => {
      const names = Array.from({ length: 10_000 }, (_, i) => [`name-${i}`, i]);
      const text = JSON.stringify({ ...RECORD, requestParameters: Object.fromEntries(names) });
      const odd = text.replace('"GetObject"', String.raw`"Get\u0000\ud800Object"`);
      expect(accepted(odd).record['eventName']).toBe('Get\u0000\ud800Object');
    });

    it('never throws, whatever the bytes', () => {
      const base = Buffer.from(JSON.stringify(RECORD));
      const edits = fc.array(fc.tuple(fc.nat({ max: base.length - 1 }), fc.nat({ max: 255 })), {
        maxLength: 4,
      });
      fc.assert(
        fc.property(edits, (changes) => {
          const bytes = Buffer.from(base);
          for (const [at, byte] of changes) bytes[at] = byte;
          const result = parse(bytes);
          if (!isRefusal(result)) expect(result.raw).toBe(bytes);
        }),
        { numRuns: 2000 },
      );
      fc.assert(
        fc.property(fc.jsonValue(), (value) => {
          parse(JSON.stringify(value));
        }),
      );
    });
  });
});
