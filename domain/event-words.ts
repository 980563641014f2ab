import type { JsonObject, JsonValue } from '#domain/event';
import { isObject } from '#domain/event-values';

/** A longer run is known by its first characters, in records and in queries alike (base64 blobs). */
export const MAX_WORD_CHARS = 64;

/**
 * Names of the record format itself, which nearly every record has. As words they would match everything
 * and be a fifth of the index; all other names (parameters, response elements, a partner's own) are words.
 */
const FORMAT_NAMES: ReadonlySet<string> = new Set(
  (
    'eventVersion userIdentity type principalId arn accountId accessKeyId userName sessionContext sessionIssuer ' +
    'webIdFederationData attributes creationDate mfaAuthenticated invokedBy eventTime eventSource eventName ' +
    'awsRegion sourceIPAddress userAgent errorCode errorMessage requestParameters responseElements ' +
    'additionalEventData requestID eventID eventType apiVersion managementEvent readOnly resources ARN ' +
    'recipientAccountId serviceEventDetails sharedEventID vpcEndpointId eventCategory tlsDetails tlsVersion ' +
    'cipherSuite clientProvidedHostHeader keyExchange sessionCredentialFromConsole'
  ).split(' '),
);

/**
 * The words of a record, for the search "words anywhere in the record": those of every string, number and
 * name in it, save the format's own names. true, false and null are no words. A record of 1 MB has at most
 * some 200,000; the depth was bounded by parseEvent.
 */
export function recordWords(record: JsonObject): Set<string> {
  const words = new Set<string>();
  visitTexts(record, (text) => addText(words, text));
  return words;
}

/**
 * The texts whose words are the record's words, each as often as it occurs; for indexes, which meet most
 * texts in many records and need not cut them each time.
 */
export function visitTexts(value: JsonValue | undefined, visit: (text: string) => void): void {
  if (typeof value === 'string') visit(value);
  else if (typeof value === 'number') visit(String(value));
  else if (Array.isArray(value)) for (const item of value) visitTexts(item, visit);
  else if (isObject(value)) visitMembers(value, visit);
}

/** The words of a text, the same way; what a query's text is cut into. */
export function textWords(text: string): Set<string> {
  const words = new Set<string>();
  addText(words, text);
  return words;
}

/** for...in, because entries are an array each; JSON.parse gives own names only, `__proto__` among them. */
function visitMembers(owner: JsonObject, visit: (text: string) => void): void {
  for (const name in owner) {
    if (!FORMAT_NAMES.has(name)) visit(name);
    visitTexts(owner[name], visit);
  }
}

const ASCII_ONLY = /^[\u0000-\u007f]*$/;

function addText(words: Set<string>, text: string): void {
  if (ASCII_ONLY.test(text)) addAsciiWords(words, text.toLowerCase());
  else addUnicodeWords(words, text);
}

const OTHER = 0;
const LETTER = 1;
const DIGIT = 2;
const KIND = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code);
  if (/[a-z]/.test(char)) return LETTER;
  return /\d/.test(char) ? DIGIT : OTHER;
});
const DOT = 0x2e;
const HYPHEN = 0x2d;

/**
 * Runs of letters and digits; a dot between two digits belongs to the run (addresses, versions), and an
 * UUID is one word. `text` is lower-cased ASCII.
 */
function addAsciiWords(words: Set<string>, text: string): void {
  const { length } = text;
  let at = 0;
  while (at < length) {
    if (kindAt(text, at) === OTHER) {
      at += 1;
      continue;
    }
    const end = isUuidAt(text, at) ? at + UUID_CHARS : endOfRun(text, at);
    words.add(text.slice(at, Math.min(end, at + MAX_WORD_CHARS)));
    at = end;
  }
}

function endOfRun(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length) {
    if (kindAt(text, end) === OTHER && !isInnerDot(text, end)) return end;
    end += 1;
  }
  return end;
}

function kindAt(text: string, at: number): number {
  return KIND[text.charCodeAt(at)] ?? OTHER;
}

function isInnerDot(text: string, at: number): boolean {
  return text.charCodeAt(at) === DOT && kindAt(text, at - 1) === DIGIT && kindAt(text, at + 1) === DIGIT;
}

const UUID_CHARS = 36;
const UUID = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}(?![\da-z])/y;

/** Called at the start of a run. */
function isUuidAt(text: string, at: number): boolean {
  if (text.charCodeAt(at + 8) !== HYPHEN || text.charCodeAt(at + 13) !== HYPHEN) return false;
  UUID.lastIndex = at;
  return UUID.test(text);
}

const UNICODE_WORD =
  /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}(?![\p{L}\p{M}\p{N}])|[\p{L}\p{M}\p{N}]+(?:(?<=\p{Nd})\.(?=\p{Nd})[\p{L}\p{M}\p{N}]+)*/gu;

function addUnicodeWords(words: Set<string>, text: string): void {
  for (const [run] of foldCase(text).matchAll(UNICODE_WORD)) words.add(cut(run));
}

/** Compatibility forms and both sigmas are one; lower-casing may leave what NFKC composes. */
function foldCase(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC').replaceAll('ς', 'σ');
}

/** Never between the halves of a surrogate pair. */
function cut(word: string): string {
  const head = word.slice(0, MAX_WORD_CHARS);
  return head.isWellFormed() ? head : head.slice(0, -1);
}
