import { createHash } from 'node:crypto';
import { CairnError } from '#domain/errors';
import type { EventFilter, FilterField } from '#domain/filter/filter';
import { simplify } from '#domain/filter/simplify';

/** The attributes of LookupEvents (API reference, LookupAttribute) and the fields that they ask. */
const ATTRIBUTES = {
  EventId: ['eventId'],
  EventName: ['eventName'],
  ReadOnly: ['readOnly'],
  Username: ['username'],
  ResourceType: ['resourceType'],
  // AWS shows some resources by name and some by ARN.
  ResourceName: ['resourceName', 'resourceArn'],
  EventSource: ['eventSource'],
  AccessKeyId: ['accessKeyId'],
} as const satisfies Record<string, readonly FilterField[]>;

export type LookupAttributeKey = keyof typeof ATTRIBUTES;
export const LOOKUP_ATTRIBUTE_KEYS = Object.keys(ATTRIBUTES).filter(isAttributeKey);

const INSIGHT_KEYS: readonly string[] = ['EventId', 'EventName', 'EventSource'];
const MAX_VALUE_CHARS = 2000;
/** LookupEvents' page: 1 to 50 events, 50 by default. */
const LOOKUP_MAX_RESULTS = 50;
/** Event history reaches back 90 days. */
const LOOKUP_DAYS = 90;
const DAY_MS = 86_400_000;

/** CloudTrail's LookupEvents, as a caller writes it. */
export interface LookupRequest {
  readonly attributes?: readonly { readonly key: string; readonly value: string }[] | null | undefined;
  /** Both inclusive. */
  readonly startTime?: Date | null | undefined;
  readonly endTime?: Date | null | undefined;
  /** `insight`, or absent for management events. */
  readonly eventCategory?: string | null | undefined;
  readonly maxResults?: number | null | undefined;
}

export interface Lookup {
  /** Of the last 90 days, one category, newest first. */
  readonly filter: EventFilter;
  readonly maxResults: number;
  /** A page's token holds it: LookupEvents wants a token to come with the parameters that it was given for. */
  readonly fingerprint: string;
}

/**
 * Checks a request by LookupEvents' rules. `now` is in milliseconds since 1970. Throws
 * INVALID_LOOKUP_ATTRIBUTES, INVALID_TIME_RANGE, INVALID_MAX_RESULTS or INVALID_EVENT_CATEGORY.
 */
export function checkLookup(request: LookupRequest, now: number): Lookup {
  const isInsight = readCategory(request.eventCategory);
  const attribute = readAttribute(request, isInsight);
  const time = readTime(request);
  const oldest: EventFilter = { kind: 'time', from: now - LOOKUP_DAYS * DAY_MS, to: undefined };
  const category = isInsight ? 'Insight' : 'Management';
  const filters: EventFilter[] = [{ kind: 'in', field: 'category', values: [category] }, oldest, time];
  if (attribute !== undefined) filters.push(attribute);
  return {
    filter: simplify({ kind: 'and', filters }),
    maxResults: readMaxResults(request.maxResults),
    fingerprint: fingerprintOf(category, time, attribute),
  };
}

function readCategory(category: string | null | undefined): boolean {
  if (category === undefined || category === null) return false;
  if (category === 'insight') return true;
  throw new CairnError('INVALID_EVENT_CATEGORY', 'The only event category to look up is insight.', {
    path: 'eventCategory',
  });
}

function readAttribute({ attributes }: LookupRequest, isInsight: boolean): EventFilter | undefined {
  if (attributes === undefined || attributes === null || attributes.length === 0) return undefined;
  const [attribute, second] = attributes;
  if (attribute === undefined || second !== undefined) {
    throw attributeFault('lookupAttributes', 'LookupEvents takes one attribute; `events` takes any number.');
  }
  const { key, value } = attribute;
  if (!isAttributeKey(key)) {
    throw attributeFault('lookupAttributes[0].key', `A key is one of ${LOOKUP_ATTRIBUTE_KEYS.join(', ')}.`);
  }
  if (isInsight && !INSIGHT_KEYS.includes(key)) {
    throw attributeFault('lookupAttributes[0].key', `Insights are found by ${INSIGHT_KEYS.join(', ')}.`);
  }
  const path = 'lookupAttributes[0].value';
  if (value.length < 1 || value.length > MAX_VALUE_CHARS) {
    throw attributeFault(path, `A value has 1 to ${MAX_VALUE_CHARS} characters.`);
  }
  if (key === 'ReadOnly' && value !== 'true' && value !== 'false') {
    throw attributeFault(path, 'ReadOnly is true or false.');
  }
  const fields: readonly FilterField[] = ATTRIBUTES[key];
  return { kind: 'or', filters: fields.map((field) => ({ kind: 'in', field, values: [value] })) };
}

/** Inclusive at both ends; eventTime has milliseconds at most. */
function readTime({ startTime, endTime }: LookupRequest): EventFilter & { readonly kind: 'time' } {
  const from = startTime?.getTime();
  const end = endTime?.getTime();
  if (Number.isNaN(from)) throw timeFault('startTime', 'The start time is no time.');
  if (Number.isNaN(end)) throw timeFault('endTime', 'The end time is no time.');
  if (from !== undefined && end !== undefined && from > end) {
    throw timeFault('startTime', 'The start time lies after the end time.');
  }
  return { kind: 'time', from, to: end === undefined ? undefined : end + 1 };
}

function readMaxResults(maxResults: number | null | undefined): number {
  if (maxResults === undefined || maxResults === null) return LOOKUP_MAX_RESULTS;
  if (Number.isInteger(maxResults) && maxResults >= 1 && maxResults <= LOOKUP_MAX_RESULTS) return maxResults;
  throw new CairnError('INVALID_MAX_RESULTS', `maxResults is 1 to ${LOOKUP_MAX_RESULTS}.`, {
    path: 'maxResults',
  });
}

/** Of what the caller wrote, not of the 90 days, which move on between two pages. */
function fingerprintOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

function isAttributeKey(key: string): key is LookupAttributeKey {
  return Object.hasOwn(ATTRIBUTES, key);
}

function attributeFault(path: string, message: string): CairnError {
  return new CairnError('INVALID_LOOKUP_ATTRIBUTES', message, { path });
}

function timeFault(path: string, message: string): CairnError {
  return new CairnError('INVALID_TIME_RANGE', message, { path });
}
