import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonValue } from '#domain/event';
import { isObject } from '#domain/event-values';

const DATA = join(import.meta.dirname, '../../shared/data');

/** Whether the records that others have published lie beside the checkout; tests of them are skipped where not. */
export const HAS_REAL_RECORDS = existsSync(DATA);

/** Folders with records of CloudTrail, and one of many vendors. */
export const REAL_RECORD_FOLDERS = [
  'cloudtrail-invictus',
  'cloudtrail-stratus',
  'cloudtrail-opensearch-catalog',
  'cloudtrail-trailscraper',
  'aws-docs-examples',
  'panther-rule-tests',
] as const;

/** The records of all files of a folder, one by one. */
export function realRecords(folder: string): Buffer[] {
  const files = readdirSync(join(DATA, folder)).filter((name) => /\.(?:json|ndjson|jsonl)$/.test(name));
  return files.flatMap((name) => {
    const text = readFileSync(join(DATA, folder, name), 'utf8');
    const documents = name.endsWith('.json') ? [text] : text.trim().split('\n');
    return documents.flatMap((document) =>
      recordsIn(JSON.parse(document)).map((record) => Buffer.from(JSON.stringify(record))),
    );
  });
}

/** Records as the publishers wrapped them: Records[], arrays, `aws.cloudtrail`, a rule test's `event`. */
function recordsIn(value: JsonValue | undefined): JsonValue[] {
  if (Array.isArray(value)) return value.flatMap(recordsIn);
  if (!isObject(value)) return [];
  const { Records, aws, event } = value;
  if (Array.isArray(Records)) return recordsIn(Records);
  if (isObject(aws) && isObject(aws['cloudtrail'])) return [aws['cloudtrail']];
  return [isObject(event) && 'rule' in value ? event : value];
}
