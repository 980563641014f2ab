import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '#domain/event';
import { canonicalJson } from '#domain/event-json';
import { indexedFields } from '#domain/event-fields';
import { isRefusal, parseEvent } from '#domain/event-parse';
import { isObject } from '#domain/event-values';
import { recordWords } from '#domain/event-words';

const DATA = join(import.meta.dirname, '../../shared/data');
const NOW = Date.parse('2026-11-22T00:00:00Z');

/** Records as the publishers wrapped them: Records[], arrays, `aws.cloudtrail`, a rule test's `event`. */
function recordsIn(value: JsonValue | undefined): JsonValue[] {
  if (Array.isArray(value)) return value.flatMap(recordsIn);
  if (!isObject(value)) return [];
  const { Records, aws, event } = value;
  if (Array.isArray(Records)) return recordsIn(Records);
  if (isObject(aws) && isObject(aws['cloudtrail'])) return [aws['cloudtrail']];
  return [isObject(event) && 'rule' in value ? event : value];
}

function recordsOf(folder: string): Buffer[] {
  const files = readdirSync(join(DATA, folder)).filter((name) => /\.(?:json|ndjson|jsonl)$/.test(name));
  return files.flatMap((name) => {
    const text = readFileSync(join(DATA, folder, name), 'utf8');
    const documents = name.endsWith('.json') ? [text] : text.trim().split('\n');
    return documents.flatMap((document) =>
      recordsIn(JSON.parse(document)).map((record) => Buffer.from(JSON.stringify(record))),
    );
  });
}

function tally(folder: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const raw of recordsOf(folder)) {
    const event = parseEvent(raw, { now: NOW });
    const result = isRefusal(event) ? `${event.code} ${event.path}` : event.category;
    counts[result] = (counts[result] ?? 0) + 1;
  }
  return counts;
}

describe.skipIf(!existsSync(DATA))('real records', () => {
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
    for (const raw of recordsOf('cloudtrail-invictus')) {
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
