import { describe, expect, it } from 'vitest';
import { canonicalJson } from '#domain/event-json';
import { indexedFields } from '#domain/event-fields';
import { isRefusal, parseEvent } from '#domain/event-parse';
import { recordWords } from '#domain/event-words';
import { HAS_REAL_RECORDS, realRecords } from '#test/real-records';

const NOW = Date.parse('2026-11-22T00:00:00Z');

function tally(folder: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const raw of realRecords(folder)) {
    const event = parseEvent(raw, { now: NOW });
    const result = isRefusal(event) ? `${event.code} ${event.path}` : event.category;
    counts[result] = (counts[result] ?? 0) + 1;
  }
  return counts;
}

describe.skipIf(!HAS_REAL_RECORDS)('real records', () => {
  it.each([
    ['cloudtrail-invictus', { Management: 954 }],
    ['cloudtrail-stratus', { Management: 99 }],
    ['cloudtrail-opensearch-catalog', { Management: 50 }],
    ['cloudtrail-trailscraper', { Management: 5 }],
    // The refused ones are digests, stores and LookupEvents answers, no records.
    ['aws-docs-examples', { Management: 17, Insight: 3, 'FIELD_NOT_FOUND eventTime': 8 }],
    // Other vendors' logs need their mapping; of CloudTrail's, tests cut down to the fields of their rule.
    [
      'panther-rule-tests',
      {
        Management: 134,
        Data: 4,
        'FIELD_NOT_FOUND eventTime': 719,
        'FIELD_NOT_FOUND userIdentity': 1,
        'INVALID_EVENT_TIME eventTime': 1,
      },
    ],
    // LookupEvents answers hold the record as text in CloudTrailEvent; unwrapping is the importer's.
    ['plaso-cloud-logs', { 'FIELD_NOT_FOUND eventTime': 21 }],
  ])('of %s are accepted or refused for a reason', (folder, expected) => {
    expect(tally(folder)).toEqual(expected);
  });

  it('have values to search by, words, and one canonical text', () => {
    for (const raw of realRecords('cloudtrail-invictus')) {
      const event = parseEvent(raw, { now: NOW });
      if (isRefusal(event)) throw new Error(event.message);
      const fields = indexedFields(event.record, { ...event, account: event.account ?? '' });
      expect(fields.account).toMatch(/^\d{12}$/);
      expect(fields).toMatchObject({ eventName: event.record['eventName'], username: expect.any(String) });
      expect(recordWords(event.record)).toContain(String(fields.eventName).toLowerCase());
      const pretty = Buffer.from(JSON.stringify(event.record, null, 2));
      expect(canonicalJson(pretty)).toBe(canonicalJson(raw));
    }
  });
});
