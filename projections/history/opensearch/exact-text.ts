/** Data link escape: a control character that no sender has a use for. */
const ESCAPE = '\u0010';
const NEEDS_CODE = /\u0010|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const CODE = /\u0010([\da-f]{4})/g;

/**
 * A text that UTF-8 can carry, one for each text: Lucene would make all lone surrogates one character. Nearly
 * every text stays as it is; lone surrogates, and the escape itself, become the escape and four hexadecimal digits.
 */
export function storable(text: string): string {
  if (text.isWellFormed() && !text.includes(ESCAPE)) return text;
  return text.replace(NEEDS_CODE, (unit) => ESCAPE + unit.charCodeAt(0).toString(16).padStart(4, '0'));
}

/** The text that `storable` was given. */
export function shown(stored: string): string {
  if (!stored.includes(ESCAPE)) return stored;
  return stored.replace(CODE, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** How the stored texts begin, or between what they lie, whose texts begin with `prefix`. */
export interface StoredPrefix {
  readonly prefix: string;
  /** The prefix ends in the middle of a surrogate pair: these are the characters that the pair may be. */
  readonly pairs:
    | { readonly prefix: string; readonly from: string; readonly to: string | undefined }
    | undefined;
}

const HIGH = /[\ud800-\udbff]$/;
const LAST_CODE_POINT = 0x10ffff;

export function storedPrefix(prefix: string): StoredPrefix {
  if (!HIGH.test(prefix)) return { prefix: storable(prefix), pairs: undefined };
  const before = storable(prefix.slice(0, -1));
  const high = prefix.charCodeAt(prefix.length - 1);
  const first = (high - 0xd800) * 0x400 + 0x1_0000;
  const next = first + 0x400;
  return {
    prefix: storable(prefix),
    pairs: {
      prefix: before,
      from: before + String.fromCodePoint(first),
      to: next > LAST_CODE_POINT ? undefined : before + String.fromCodePoint(next),
    },
  };
}
