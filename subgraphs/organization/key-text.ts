import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * A key's text: `cairn_<keyId>_<secret>`, both in base32 of a-z and 2-7: 16 characters (80 bits) name the key,
 * 52 (256 bits) prove it. No `_`, `-` or `.` inside, so a double click takes the whole and scanners find it.
 */
const KEY_TEXT = /^cairn_([a-z2-7]{16})_([a-z2-7]{52})$/;
const KEY_ID = /^[a-z2-7]{16}$/;
const ID_BYTES = 10;
const SECRET_BYTES = 32;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

export interface PresentedKey {
  readonly id: string;
  readonly secret: string;
}

export function newKey(): PresentedKey {
  return { id: base32(randomBytes(ID_BYTES)), secret: base32(randomBytes(SECRET_BYTES)) };
}

export function keyText({ id, secret }: PresentedKey): string {
  return `cairn_${id}_${secret}`;
}

/** Anything else names no key, and need not be looked for. */
export function isKeyId(text: string): boolean {
  return KEY_ID.test(text);
}

/** The key of an `Authorization: Bearer` header (RFC 6750, section 2.1); undefined for anything else. */
export function keyOfHeader(authorization: string | undefined): PresentedKey | undefined {
  const [scheme, text, ...rest] = authorization?.split(' ', 3) ?? [];
  if (scheme?.toLowerCase() !== 'bearer' || text === undefined || rest.length > 0) return undefined;
  const [, id, secret] = KEY_TEXT.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** What is stored. 256 random bits need no slow hash: there is nothing to guess. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

export function isSecret(secret: string, hash: Uint8Array): boolean {
  return timingSafeEqual(hashSecret(secret), hash);
}

/** RFC 4648, section 6, in lower case and without padding. */
function base32(bytes: Buffer): string {
  let text = '';
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  if (bits > 0) text += ALPHABET[(value << (5 - bits)) & 31];
  return text;
}
