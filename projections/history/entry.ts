import type { EventCategory, IndexedFields, JsonObject } from '#domain/event';
import { indexedFields } from '#domain/event-fields';
import { readRecord } from '#domain/event-parse';
import { isObject } from '#domain/event-values';
import { visitTexts } from '#domain/event-words';
import { FILTER_FIELDS, type FilterField } from '#domain/filter/filter';
import { canonicalAddress } from '#domain/filter/meaning';
import { ALWAYS_PRESENT } from '#domain/filter/tokens';
import type { JournalEvent } from '#journal/types';
import { COLUMN_FIELDS, FIELD_CODE } from '#projections/history/tables';
import {
  EVERY,
  eventIdTerm,
  instantTerms,
  isInstant,
  isUuid,
  presenceTerm,
  textTerms,
  valueTerm,
  wordTerm,
} from '#projections/history/terms';
import type { ValueWriter } from '#projections/history/values';

/** An event as it goes into the index. */
export interface Entry {
  /** The columns of `event` after its id. */
  readonly columns: readonly (number | string | Buffer | null)[];
  /** The terms, separated by blanks. */
  readonly terms: string;
}

/** The presence terms of an event's fields. */
const PRESENCE = FILTER_FIELDS.filter((field) => !ALWAYS_PRESENT.includes(field)).map((field) => ({
  field,
  ...presenceTerm(field, FIELD_CODE[field]),
}));

/** Texts whose terms are kept; most texts of a record were in many before it. */
const CACHE_TEXTS = 20_000;
const CACHE_TEXT_CHARS = 256;

/** Makes entries; remembers the terms of texts that it has met. */
export class EntryMaker {
  readonly #values: ValueWriter;
  readonly #categories: readonly EventCategory[];
  readonly #termsOfTexts = new Map<string, string>();
  readonly #addresses = new Map<string, string>();

  constructor(values: ValueWriter, categories: readonly EventCategory[]) {
    this.#values = values;
    this.#categories = categories;
  }

  /** Undefined when the event's category is not one of those that are kept. */
  entryOf(event: JournalEvent): Entry | undefined {
    const record = readableRecord(event.raw);
    const { eventTime, account } = event;
    const eventId = event.eventIdIn?.(record) ?? event.eventId;
    const fields = indexedFields(record, { eventId, eventTime, account });
    if (!this.#categories.includes(fields.category)) return undefined;
    const terms: string[] = [EVERY];
    this.#addWords(terms, record, eventId);
    return {
      columns: [
        event.place.position,
        event.place.epoch,
        eventTime - Math.floor(eventTime / 1000) * 1000,
        storedEventId(eventId),
        ...this.#columns(fields, terms),
      ],
      terms: terms.join(' '),
    };
  }

  /** A term that is given twice counts once. */
  #addWords(terms: string[], record: JsonObject, eventId: string): void {
    let isWord = false;
    visitTexts(record, (text) => {
      if (!isUuid(text)) terms.push(this.#termsOf(text));
      else if (text === eventId) isWord = true;
      else terms.push(wordTerm(text));
    });
    terms.push(eventIdTerm(eventId, isWord));
  }

  #termsOf(text: string): string {
    // Kept, they would push out the texts that come again.
    if (isInstant(text)) return instantTerms(text);
    const known = this.#termsOfTexts.get(text);
    if (known !== undefined) return known;
    const terms = textTerms(text);
    if (text.length <= CACHE_TEXT_CHARS) {
      if (this.#termsOfTexts.size >= CACHE_TEXTS) this.#termsOfTexts.clear();
      this.#termsOfTexts.set(text, terms);
    }
    return terms;
  }

  /** The columns from the first field on; adds their terms and those of presence. */
  #columns(fields: IndexedFields, terms: string[]): (number | string | null)[] {
    const address = fields.sourceIPAddress;
    const canonical = address === undefined ? undefined : this.#canonical(address);
    const columns: (number | string | null)[] = COLUMN_FIELDS.map((field) => {
      const text = field === 'sourceIPAddress' ? canonical : textOf(fields[field]);
      return text === undefined ? null : this.#number(terms, FIELD_CODE[field], text);
    });
    columns.push(this.#resources(fields, terms));
    const isShownOtherwise = address !== undefined && address !== canonical;
    columns.push(isShownOtherwise ? this.#number(terms, FIELD_CODE.shownAddress, address) : null);
    for (const { field, term, present } of PRESENCE)
      if (hasValue(fields, field) === present) terms.push(term);
    return columns;
  }

  /** Every entry has a term: erasing sees by it whether the entry is still used. */
  #number(terms: string[], fieldCode: number, text: string): number {
    const id = this.#values.idOf(fieldCode, text);
    terms.push(valueTerm(id));
    return id;
  }

  #resources({ resources }: IndexedFields, terms: string[]): string | null {
    if (resources.length === 0) return null;
    const id = (field: FilterField, text: string | undefined): string =>
      text === undefined ? '' : this.#number(terms, FIELD_CODE[field], text).toString(36);
    return resources
      .map(
        ({ type, name, arn }) =>
          `${id('resourceType', type)}.${id('resourceName', name)}.${id('resourceArn', arn)}`,
      )
      .join(';');
  }

  #canonical(address: string): string {
    const known = this.#addresses.get(address);
    if (known !== undefined) return known;
    const canonical = canonicalAddress(address);
    if (this.#addresses.size >= CACHE_TEXTS) this.#addresses.clear();
    this.#addresses.set(address, canonical);
    return canonical;
  }
}

function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === 'boolean' ? String(value) : value;
}

function hasValue(fields: IndexedFields, field: FilterField): boolean {
  switch (field) {
    case 'resourceType':
      return fields.resources.some(({ type }) => type !== undefined);
    case 'resourceName':
      return fields.resources.some(({ name }) => name !== undefined);
    case 'resourceArn':
      return fields.resources.some(({ arn }) => arn !== undefined);
    default:
      return fields[field] !== undefined;
  }
}

/**
 * The doors let only JSON objects in; one that came in otherwise is found by what the envelope says of it,
 * and does not stop all that follow.
 */
export function readableRecord(raw: Buffer): JsonObject {
  try {
    const record = readRecord(raw);
    return isObject(record) ? record : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** The entries of a stored list: each resource's type, name and ARN, where it has one. */
export function resourceIds(stored: unknown): (number | undefined)[][] {
  if (typeof stored !== 'string') return [];
  return stored.split(';').map((resource) => resource.split('.').map(entryNumber));
}

function entryNumber(text: string): number | undefined {
  return text === '' ? undefined : Number.parseInt(text, 36);
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
