import { textWords } from '#domain/event-words';
import type { FilterField } from '#domain/filter/filter';
import { fieldToken, fieldTokenPrefix, wordToken } from '#domain/filter/tokens';

/**
 * The terms of the full-text table. A field's value is a number in the dictionary (tables.ts), so its term is
 * that number: short, and no string of a record reaches the query syntax. Words and event ids are terms
 * themselves, in domain/filter/tokens.ts's alphabet [a-z0-9_]. First letters here: z v x m i j q, there: w d.
 */

/** Every event has it: what a query without any other positive term starts from. */
export const EVERY = 'z';

/** Fields that few events have say so; of those that most events have, the others do. */
const SELDOM: readonly FilterField[] = [
  'accessKeyId',
  'resourceType',
  'resourceName',
  'resourceArn',
  'errorCode',
];

/** How the term of a field's presence is to be read. */
export interface PresenceTerm {
  readonly term: string;
  /** True: events with the field have the term; false: those without it have. */
  readonly present: boolean;
}

export function presenceTerm(field: FilterField, fieldCode: number): PresenceTerm {
  const present = SELDOM.includes(field);
  return { term: (present ? 'x' : 'm') + fieldCode.toString(36), present };
}

export function valueTerm(id: number): string {
  return `v${id.toString(36)}`;
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

/** Lower-case, as AWS writes it: what a 16-byte blob stands for. */
export function isUuid(text: string): boolean {
  return text.length === 36 && UUID.test(text);
}

/**
 * The event's own id. An UUID that is also one of the record's words (`i`) is not given as a word again; it
 * saves 40 bytes an event.
 */
export function eventIdTerm(eventId: string, isWord: boolean): string {
  if (!isUuid(eventId)) return fieldToken('eventId', eventId);
  return (isWord ? 'i' : 'j') + bare(eventId);
}

/** The query for one event id. */
export function eventIdQuery(eventId: string): string {
  if (!isUuid(eventId)) return quoted(fieldToken('eventId', eventId));
  return `(${quoted(eventIdTerm(eventId, true))} OR ${quoted(eventIdTerm(eventId, false))})`;
}

/** The query for all event ids that begin with the prefix. */
export function eventIdPrefixQuery(prefix: string): string {
  const starts = [fieldTokenPrefix('eventId', prefix)];
  if (beginsUuid(prefix)) starts.push(`i${bare(prefix)}`, `j${bare(prefix)}`);
  return `(${starts.map((start) => `${quoted(start)}*`).join(' OR ')})`;
}

export function wordTerm(word: string): string {
  return isUuid(word) ? `q${bare(word)}` : wordToken(word);
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** `2026-01-02T03:04:05Z`: the texts of which nearly every record brings new ones. */
export function isInstant(text: string): boolean {
  return text.length === 20 && INSTANT.test(text);
}

/** The terms of an instant's words, which are known without cutting it: a tenth of the time. */
export function instantTerms(text: string): string {
  const [year, month, dayAndHour] = [text.slice(0, 4), text.slice(5, 7), text.slice(8, 13)];
  const [minute, second] = [text.slice(14, 16), text.slice(17, 19)];
  return `w${year} w${month} w${dayAndHour.replace('T', 't')} w${minute} w${second}z`;
}

/** The terms of a text's words, separated by blanks. */
export function textTerms(text: string): string {
  return Array.from(textWords(text), wordTerm).join(' ');
}

/** The query for one word as domain/event-words.ts cuts it. */
export function wordQuery(word: string): string {
  if (!isUuid(word)) return quoted(wordTerm(word));
  return `(${quoted(wordTerm(word))} OR ${quoted(eventIdTerm(word, true))})`;
}

/** Terms consist of [a-z0-9_]; quoting keeps even `and` and `or` from being syntax. */
export function quoted(term: string): string {
  return `"${term}"`;
}

function bare(uuid: string): string {
  return uuid.replaceAll('-', '');
}

const SAMPLE = '00000000-0000-0000-0000-000000000000';

function beginsUuid(prefix: string): boolean {
  return isUuid(prefix + SAMPLE.slice(prefix.length));
}
