import { hash } from 'node:crypto';
import type { IndexedFields } from '#domain/event';
import { FILTER_FIELDS, type FilterField } from '#domain/filter/filter';
import { hexPrefixes, parseIp, parseNetwork } from '#domain/filter/ip';
import { fieldValues } from '#domain/filter/meaning';

/**
 * The terms by which an inverted index finds what `matches` finds. A token is made of [a-z0-9_] only (no
 * tokenizer splits or folds it, no query syntax is hidden in it), begins with the letter of what it says, and
 * is one-to-one with the value: two values share none. Beginnings are kept: a value begins with a prefix if
 * and only if its token begins with the prefix's.
 */
const LETTERS: Readonly<Record<FilterField, string>> = {
  eventId: 'd',
  eventName: 'n',
  eventSource: 's',
  readOnly: 'o',
  username: 'u',
  principalArn: 'p',
  accessKeyId: 'k',
  resourceType: 't',
  resourceName: 'r',
  resourceArn: 'a',
  account: 'c',
  region: 'g',
  sourceIPAddress: 'i',
  userAgent: 'b',
  errorCode: 'e',
  category: 'y',
};
const WORD = 'w';
const ADDRESS = 'h';
const EXISTS = 'x';

/** Fields that every event has: no index needs to say so. */
export const ALWAYS_PRESENT: readonly FilterField[] = ['eventId', 'account', 'category'];

/** The longest prefix that a filter may name; a longer value's token goes on with a hash of all of it. */
export const MAX_PREFIX_CHARS = 200;

/** All tokens of an event: its fields' values, which of them it has, its address's digits, its words. */
export function eventTokens(fields: IndexedFields, words: ReadonlySet<string>): string[] {
  const tokens: string[] = [];
  for (const field of FILTER_FIELDS) {
    const values = fieldValues(fields, field);
    for (const value of values) tokens.push(fieldToken(field, value));
    if (values.length > 0 && !ALWAYS_PRESENT.includes(field)) tokens.push(existsToken(field));
  }
  const address = fields.sourceIPAddress === undefined ? undefined : parseIp(fields.sourceIPAddress);
  if (address !== undefined) tokens.push(addressToken(address));
  for (const word of words) tokens.push(wordToken(word));
  return tokens;
}

/** The token of a value as `fieldValues` gives it. */
export function fieldToken(field: FilterField, value: string): string {
  return LETTERS[field] + encode(value);
}

/** How the tokens of all values begin that begin with `prefix` (at most MAX_PREFIX_CHARS). */
export function fieldTokenPrefix(field: FilterField, prefix: string): string {
  return LETTERS[field] + encodeChars(prefix);
}

/** The event has a value of the field; not given for ALWAYS_PRESENT fields. */
export function existsToken(field: FilterField): string {
  return EXISTS + LETTERS[field];
}

export function wordToken(word: string): string {
  return WORD + encode(word);
}

/** How the tokens of all addresses in the network begin; 1 to 8 of them. None when it is no network. */
export function networkTokenPrefixes(network: string): string[] {
  const range = parseNetwork(network);
  if (range === undefined) return [];
  const version = versionOf(range.first);
  return hexPrefixes(range).map((digits) => ADDRESS + version + digits);
}

function addressToken(hex: string): string {
  return ADDRESS + versionOf(hex) + hex;
}

/** IPv4 and IPv6 must not share beginnings. */
function versionOf(hex: string): string {
  return hex.length === 8 ? '4' : '6';
}

function encode(value: string): string {
  if (value.length <= MAX_PREFIX_CHARS) return encodeChars(value);
  // utf16le, because UTF-8 makes all lone surrogates one.
  const digest = hash('sha256', Buffer.from(value, 'utf16le')).slice(0, 32);
  return `${encodeChars(value.slice(0, MAX_PREFIX_CHARS))}__${digest}`;
}

/** Codes of which none begins another: what is not here is `_9` and four hexadecimal digits. */
const CODES: readonly string[] = Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code);
  if (/[a-z0-9]/.test(char)) return char;
  if (/[A-Z]/.test(char)) return `_${char.toLowerCase()}`;
  const common = '.-:/_@ *+'.indexOf(char);
  return common === -1 ? hexCode(code) : `_${common}`;
});

function hexCode(code: number): string {
  return `_9${code.toString(16).padStart(4, '0')}`;
}

/** Most words and many values need no code. */
const PLAIN = /^[a-z0-9]*$/;

function encodeChars(value: string): string {
  if (PLAIN.test(value)) return value;
  let encoded = '';
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    encoded += CODES[code] ?? hexCode(code);
  }
  return encoded;
}
