import type { EventCategory, IndexedFields, JsonObject } from '#domain/event';
import { indexedFields } from '#domain/event-fields';
import { readRecord } from '#domain/event-parse';
import { isObject } from '#domain/event-values';
import { recordWords } from '#domain/event-words';
import { FILTER_FIELDS, type FilterField } from '#domain/filter/filter';
import { fieldValues } from '#domain/filter/meaning';
import { ALWAYS_PRESENT } from '#domain/filter/tokens';
import type { JournalEvent } from '#journal/types';
import { rowidOf } from '#projections/history/rowid';
import { COLUMN_FIELDS, FIELD_CODE } from '#projections/history/tables';
import { EVERY, eventIdTerm, isUuid, presenceTerm, valueTerm, wordTerm } from '#projections/history/terms';
import type { ValueWriter } from '#projections/history/values';

/** An event as it goes into the index. */
export interface Entry {
  /** Where it belongs; the slot may be taken. */
  readonly rowid: number;
  /** The columns of `event` after its id. */
  readonly columns: readonly (number | string | Buffer | null)[];
  /** The terms, separated by blanks. */
  readonly terms: string;
}

const PRESENCE = FILTER_FIELDS.filter((field) => !ALWAYS_PRESENT.includes(field)).map((field) => ({
  field,
  ...presenceTerm(field, FIELD_CODE[field]),
}));

/**
 * The doors let only JSON objects in; one that came in otherwise is found by what the envelope says of it,
 * and does not stop all that follow.
 */
function readable(raw: Buffer): JsonObject {
  try {
    const record = readRecord(raw);
    return isObject(record) ? record : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** Undefined when the event's category is not one of those that are kept. */
export function entryOf(
  event: JournalEvent,
  values: ValueWriter,
  categories: readonly EventCategory[],
): Entry | undefined {
  const record = readable(event.raw);
  const fields = indexedFields(record, event);
  if (!categories.includes(fields.category)) return undefined;
  const words = recordWords(record);
  const second = Math.floor(event.eventTime / 1000);
  const terms: string[] = [EVERY];
  const isWord = isUuid(event.eventId) && words.delete(event.eventId);
  terms.push(eventIdTerm(event.eventId, isWord));
  const numbers = numbersOf(fields, values, terms);
  for (const word of words) terms.push(wordTerm(word));
  return {
    rowid: rowidOf({ second, position: event.place.position }),
    columns: [
      event.place.position,
      event.place.epoch,
      event.eventTime - second * 1000,
      storedEventId(event.eventId),
      ...COLUMN_FIELDS.map((field) => numbers.get(field)?.[0] ?? null),
      resourcesOf(fields, values),
      shownAddressOf(fields, values, terms),
    ],
    terms: terms.join(' '),
  };
}

/** The dictionary's numbers of all values, their terms and those of presence. */
function numbersOf(
  fields: IndexedFields,
  values: ValueWriter,
  terms: string[],
): Map<FilterField, readonly number[]> {
  const numbers = new Map<FilterField, readonly number[]>();
  for (const field of FILTER_FIELDS) {
    if (field === 'eventId') continue;
    const ids = fieldValues(fields, field).map((value) => values.idOf(FIELD_CODE[field], value));
    for (const id of ids) terms.push(valueTerm(id));
    numbers.set(field, ids);
  }
  for (const { field, term, present } of PRESENCE) {
    if ((numbers.get(field)?.length ?? 0) > 0 === present) terms.push(term);
  }
  return numbers;
}

function resourcesOf({ resources }: IndexedFields, values: ValueWriter): string | null {
  if (resources.length === 0) return null;
  const id = (field: FilterField, text: string | undefined): string =>
    text === undefined ? '' : values.idOf(FIELD_CODE[field], text).toString(36);
  return resources
    .map(
      ({ type, name, arn }) =>
        `${id('resourceType', type)}.${id('resourceName', name)}.${id('resourceArn', arn)}`,
    )
    .join(';');
}

/** The entries of a stored list: each resource's type, name and ARN, where it has one. */
export function resourceIds(stored: unknown): (number | undefined)[][] {
  if (typeof stored !== 'string') return [];
  return stored.split(';').map((resource) => resource.split('.').map(entryNumber));
}

function entryNumber(text: string): number | undefined {
  return text === '' ? undefined : Number.parseInt(text, 36);
}

function shownAddressOf(fields: IndexedFields, values: ValueWriter, terms: string[]): number | null {
  const shown = fields.sourceIPAddress;
  if (shown === undefined || fieldValues(fields, 'sourceIPAddress')[0] === shown) return null;
  const id = values.idOf(FIELD_CODE.shownAddress, shown);
  // Erasing finds by its term whether an entry is still used.
  terms.push(valueTerm(id));
  return id;
}

function storedEventId(eventId: string): string | Buffer {
  return isUuid(eventId) ? Buffer.from(eventId.replaceAll('-', ''), 'hex') : eventId;
}

export function shownEventId(stored: unknown): string {
  if (typeof stored === 'string') return stored;
  if (!(stored instanceof Uint8Array)) return '';
  const hex = Buffer.from(stored).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
