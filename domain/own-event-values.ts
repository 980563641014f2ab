import type { JsonValue } from '#domain/event';

/** Bounds on what others send: a record stays some tens of kilobytes whatever was asked for. */
const MAX_TEXT = 1_024;
const MAX_ITEMS = 100;
const MAX_DEPTH = 12;
const MAX_JSON = 16_384;

/**
 * The form of every secret that Cairn hands out, whole or cut off: API keys, secrets of webhooks, tokens of links.
 * The rules of a call keep secrets out by naming what may come in; this is for those that somebody sends where
 * an id or a name belongs.
 */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/(cairn_[a-z2-7]{16}_)[a-z2-7]+/gi, '$1…'],
  [/(whsec_)[A-Za-z0-9+/=_-]+/g, '$1…'],
  [/([?&](?:token|ticket)=)[^&\s"]+/gi, '$1…'],
];

/** Text of others as a record may hold it: no secret of Cairn's, well-formed, of bounded length. */
export function cleanText(text: string): string {
  let clean = text.toWellFormed();
  for (const [secret, mask] of SECRETS) clean = clean.replace(secret, mask);
  return clean.length <= MAX_TEXT ? clean : `${clean.slice(0, MAX_TEXT).toWellFormed()}…`;
}

/** A value as a record may hold it; undefined for what is none. Too much of it is replaced by words that say so. */
export function shownValue(value: unknown): JsonValue | undefined {
  const shown = shownWithin(value, MAX_DEPTH);
  if (shown === undefined) return undefined;
  const { length } = JSON.stringify(shown);
  return length <= MAX_JSON ? shown : `(left out: ${length} characters)`;
}

function shownWithin(value: unknown, depth: number): JsonValue | undefined {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (typeof value !== 'object') return undefined;
  if (depth === 0) return '(left out: too deep)';
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item: unknown) => shownWithin(item, depth - 1) ?? null);
    return value.length > MAX_ITEMS ? [...items, `(left out: ${value.length - MAX_ITEMS} more)`] : items;
  }
  const members = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(
    members.flatMap(([name, member]) => {
      const shown = shownWithin(member, depth - 1);
      return shown === undefined ? [] : [[cleanText(name), shown]];
    }),
  );
}
