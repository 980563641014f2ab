import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import type { EventRefusal, JsonObject, JsonValue, ParsedEvent } from '#domain/event';
import { categoryOf, formatOf, type EventFormat, type RequiredField } from '#domain/event-format';
import { parseEventTime } from '#domain/event-time';
import { isObject, valueAt, type FieldPath } from '#domain/event-values';
import { ACCOUNT_ID } from '#domain/ids';

/** CloudTrail's largest event (MaxEventSize Large). */
export const MAX_EVENT_BYTES = 1_048_576;
/** Real records stay below 20; the walks over a record recurse this deep at most. */
export const MAX_EVENT_DEPTH = 100;
/** PutAuditEvents' limit of UID; AWS's own ids are 36 characters. */
const MAX_EVENT_ID_CHARS = 1024;
/** A clock may be a day wrong (or a zone forgotten); more would hide an event ahead of all others. */
const MAX_AHEAD_MS = 24 * 3_600_000;

export interface ParseOptions {
  /** Milliseconds since 1970; event times up to a day after it are accepted. */
  readonly now: number;
  readonly maxBytes?: number;
  readonly maxDepth?: number;
}

/**
 * Checks the bytes of one event and says what the journal needs to know of it. Never throws and changes
 * nothing: `raw` is kept as it is, and a record is accepted with all that it holds beyond the required fields
 * of its format (domain/event-format.ts).
 */
export function parseEvent(raw: Buffer, options: ParseOptions): ParsedEvent | EventRefusal {
  const record = readChecked(raw, options);
  if (isRefusal(record)) return record;
  const category = categoryOf(record);
  const format = formatOf(record, category);
  for (const field of format.required) {
    const refusal = checkRequired(record, field);
    if (refusal !== undefined) return refusal;
  }
  const eventTime = readTime(record, format, options.now);
  if (typeof eventTime !== 'number') return eventTime;
  const eventId = readId(record, format, raw);
  if (typeof eventId !== 'string') return eventId;
  return { raw, record, eventId, eventTime, category, account: readAccount(record, format) };
}

/** Tells the two results of parseEvent apart. */
export function isRefusal(result: ParsedEvent | EventRefusal | JsonObject): result is EventRefusal {
  return result instanceof Refusal;
}

/** The record of bytes that parseEvent accepted before, such as the journal's. Throws when they are not JSON. */
export function readRecord(raw: Buffer): JsonObject {
  const value: JsonObject = JSON.parse(raw.toString('utf8'));
  return value;
}

/** The id that parseEvent has given the bytes of a record; whoever has the record need not parse them again. */
export function recordedEventId(record: JsonObject, raw: Buffer): string {
  const id = readId(record, formatOf(record, categoryOf(record)), raw);
  return typeof id === 'string' ? id : hash('sha256', raw);
}

/** A class, because a record is any object: only identity tells a refusal from one that looks like it. */
class Refusal implements EventRefusal {
  readonly code: EventRefusal['code'];
  readonly path: string | undefined;
  readonly message: string;

  constructor(code: EventRefusal['code'], message: string, path?: FieldPath) {
    this.code = code;
    this.path = path?.join('.');
    this.message = message;
  }
}

function readChecked(raw: Buffer, options: ParseOptions): JsonObject | Refusal {
  const { maxBytes = MAX_EVENT_BYTES, maxDepth = MAX_EVENT_DEPTH } = options;
  if (raw.length > maxBytes) {
    return new Refusal('EVENT_TOO_LARGE', `The event has ${raw.length} bytes, more than ${maxBytes}.`);
  }
  if (!isUtf8(raw)) return new Refusal('INVALID_UTF8', 'The event is not valid UTF-8.');
  let value: JsonValue;
  try {
    value = JSON.parse(raw.toString('utf8'));
  } catch (error) {
    return new Refusal('INVALID_JSON', `The event is not valid JSON${positionIn(error)}.`);
  }
  if (!isObject(value)) return new Refusal('INVALID_EVENT', 'The event is not a JSON object.');
  if (isDeeperThan(value, maxDepth)) {
    return new Refusal('TOO_DEEP', `The event is nested more than ${maxDepth} levels deep.`);
  }
  return value;
}

/** V8 quotes the text around the fault; only the position is told. */
function positionIn(error: unknown): string {
  const position = error instanceof SyntaxError ? /at position \d+/.exec(error.message) : null;
  return position === null ? '' : ` ${position[0]}`;
}

/** for...in, because Object.values makes an array for each of the record's objects. */
function isDeeperThan(value: JsonValue | undefined, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((inner) => isDeeperThan(inner, levels - 1));
  if (!isObject(value)) return false;
  for (const name in value) {
    if (isDeeperThan(value[name], levels - 1)) return true;
  }
  return false;
}

function checkRequired(record: JsonObject, { path, type }: RequiredField): Refusal | undefined {
  const value = valueAt(record, path);
  const name = path.join('.');
  if (value === undefined || value === null || value === '') {
    return new Refusal('FIELD_NOT_FOUND', `The event has no ${name}.`, path);
  }
  const fits = type === 'text' ? typeof value === 'string' : isObject(value);
  if (fits) return undefined;
  return new Refusal('INVALID_EVENT', `${name} is not ${type === 'text' ? 'a string' : 'an object'}.`, path);
}

function readTime(record: JsonObject, format: EventFormat, now: number): number | Refusal {
  const path = firstPresent(record, format.time);
  const value = path === undefined ? undefined : valueAt(record, path);
  const time = typeof value === 'string' ? parseEventTime(value) : undefined;
  const name = path?.join('.') ?? 'eventTime';
  if (time === undefined) {
    return new Refusal('INVALID_EVENT_TIME', `${name} is not an ISO 8601 date and time.`, path);
  }
  if (time < 0) return new Refusal('INVALID_EVENT_TIME', `${name} lies before 1970.`, path);
  if (time > now + MAX_AHEAD_MS) {
    return new Refusal('INVALID_EVENT_TIME', `${name} lies more than 24 hours ahead.`, path);
  }
  return time;
}

function readId(record: JsonObject, format: EventFormat, raw: Buffer): string | Refusal {
  const path = firstPresent(record, format.id);
  if (path === undefined) return hash('sha256', raw);
  const value = valueAt(record, path);
  if (typeof value === 'string' && isSoundId(value)) return value;
  const rule = `a string of at most ${MAX_EVENT_ID_CHARS} characters without control characters`;
  return new Refusal('INVALID_EVENT', `${path.join('.')} is not ${rule}.`, path);
}

/** Two ids must not become one: lone surrogates all encode as U+FFFD, and PostgreSQL cannot hold U+0000. */
function isSoundId(id: string): boolean {
  return id.length <= MAX_EVENT_ID_CHARS && !/[\u0000-\u001f\u007f]/.test(id) && id.isWellFormed();
}

/** What is not 12 digits (`anonymous`, a partner's own number) names no account. */
function readAccount(record: JsonObject, format: EventFormat): string | undefined {
  for (const path of format.account) {
    const value = valueAt(record, path);
    if (typeof value === 'string' && ACCOUNT_ID.test(value)) return value;
  }
  return undefined;
}

function firstPresent(record: JsonObject, paths: readonly FieldPath[]): FieldPath | undefined {
  return paths.find((path) => {
    const value = valueAt(record, path);
    return value !== undefined && value !== null && value !== '';
  });
}
