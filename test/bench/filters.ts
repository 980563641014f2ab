import { indexedFields } from '#domain/event-fields';
import { isRefusal, parseEvent } from '#domain/event-parse';
import type { IndexedFields } from '#domain/event';
import { FILTER_FIELDS, type FilterField } from '#domain/filter/filter';
import { FIELD_RULES, type EventFilterInput } from '#domain/filter/input';
import { fieldValues } from '#domain/filter/meaning';
import { Random } from '#domain/generator/random';

const DAY_MS = 86_400_000;
const PREFIXED: readonly FilterField[] = [
  'eventName',
  'username',
  'principalArn',
  'userAgent',
  'eventId',
  'resourceArn',
];
const WORDS = [
  'admin',
  'bucket',
  'role',
  'console',
  'boto3',
  'aws',
  'us',
  'policy',
  'accessdenied',
  'nosuchword',
];

/** A condition that the event meets. */
interface Condition {
  readonly field: FilterField;
  readonly value: string;
}

/**
 * Filters that real events meet: each field alone, any three together, a field within a day, a field that
 * exists. The same for the same events and seed.
 */
export function plainFilters(events: readonly Buffer[], count: number, seed: number): EventFilterInput[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, index) => {
    const fields = sample(events, random);
    const conditions = conditionsOf(fields);
    const any = (): EventFilterInput => equals(pick(conditions, random));
    switch (index % 4) {
      case 0:
        return equals(conditions[(index / 4) % conditions.length] ?? pick(conditions, random));
      case 1:
        return { and: distinct(conditions, 3, random).map(equals) };
      case 2:
        return { ...dayOf(fields), and: [any()] };
      default: {
        const askable = FILTER_FIELDS.filter((field) => FIELD_RULES[field].operators.includes('exists'));
        return { [pick(askable, random)]: { exists: random.chance(0.7) } };
      }
    }
  });
}

/** Who, from where, on what. */
const NARROW: readonly FilterField[] = [
  'username',
  'principalArn',
  'sourceIPAddress',
  'resourceName',
  'errorCode',
];

/** What people follow: one user, address or resource, or three conditions that one event meets. */
export function followedFilters(events: readonly Buffer[], count: number, seed: number): EventFilterInput[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, index) => {
    const conditions = conditionsOf(sample(events, random));
    const narrow = conditions.filter(({ field }) => NARROW.includes(field));
    if (index % 2 === 0 && narrow.length > 0) return equals(pick(narrow, random));
    return { and: distinct(conditions, 3, random).map(equals) };
  });
}

/** Prefixes, networks and words, alone and within a day. */
export function hardFilters(events: readonly Buffer[], count: number, seed: number): EventFilterInput[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, index) => {
    const fields = sample(events, random);
    const field = pick(PREFIXED, random);
    const [value = 'Get'] = fieldValues(fields, field);
    const address = /^[\d.]+$/.exec(fields.sourceIPAddress ?? '')?.[0] ?? '192.0.2.0';
    const word = pick(WORDS, random);
    switch (index % 5) {
      case 0:
        return { [field]: { prefix: value.slice(0, 3 + random.below(20)) } };
      case 1:
        return { sourceIPAddress: { cidr: networkOf(address, 8 + random.below(25)) } };
      case 2:
        return { words: word };
      case 3:
        return { words: `${word} ${fields.eventName ?? ''}`, ...dayOf(fields) };
      default:
        return { words: fields.eventId.split('-')[0] ?? word };
    }
  });
}

function sample(events: readonly Buffer[], random: Random): IndexedFields {
  const raw = pick(events, random);
  const parsed = parseEvent(raw, { now: Date.now() });
  if (isRefusal(parsed)) throw new Error(`The generator made an event that is refused: ${parsed.message}`);
  const { record, eventId, eventTime, account = '' } = parsed;
  return indexedFields(record, { eventId, eventTime, account });
}

function conditionsOf(fields: IndexedFields): readonly Condition[] {
  return FILTER_FIELDS.flatMap((field) => {
    const [value] = fieldValues(fields, field);
    return value === undefined ? [] : [{ field, value }];
  });
}

function equals({ field, value }: Condition): EventFilterInput {
  const { value: kind } = FIELD_RULES[field];
  if (kind === 'boolean') return { [field]: { equals: value === 'true' } };
  return { [field]: { equals: value } };
}

function dayOf({ eventTime }: IndexedFields): EventFilterInput {
  const day = Math.floor(eventTime / DAY_MS) * DAY_MS;
  return {
    eventTime: { from: new Date(day).toISOString(), to: new Date(day + DAY_MS).toISOString() },
  };
}

/** The network's own first address: others are refused. */
function networkOf(address: string, bits: number): string {
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = number - (number % 2 ** (32 - bits));
  return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.')}/${bits}`;
}

function pick<T>(items: readonly T[], random: Random): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new RangeError('Nothing to choose from.');
  return item;
}

function distinct<T>(items: readonly T[], count: number, random: Random): T[] {
  const chosen = new Set<T>();
  while (chosen.size < Math.min(count, items.length)) chosen.add(pick(items, random));
  return [...chosen];
}
