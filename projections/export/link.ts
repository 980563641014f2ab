import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ExportRow } from '#projections/export/export-row';

/** The master key's label for links: none of them is good for anything else. */
export const LINK_KEY = 'export links';

type Linked = Pick<ExportRow, 'id' | 'generation'>;

/** A link that was good when it was made; whose it is must still be checked. */
export interface ExportLink {
  readonly keyId: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** `<expiry, base 36>.<key id>.<HMAC-SHA-256>`: one file, for one API key, for a time. Never logged. */
export function makeLinkToken(secret: Buffer, of: Linked, { keyId, expiresAt }: ExportLink): string {
  const end = expiresAt.toString(36);
  return `${end}.${keyId}.${macOf(secret, of, `${end}.${keyId}`).toString('base64url')}`;
}

/** Undefined when it was not made here for this file. */
export function readLinkToken(secret: Buffer, of: Linked, token: string): ExportLink | undefined {
  const [, end = '', keyId = '', mac = ''] =
    /^([0-9a-z]{1,11})\.([\w-]{1,128})\.([\w-]{43})$/.exec(token) ?? [];
  const given = Buffer.from(mac, 'base64url');
  const right = macOf(secret, of, `${end}.${keyId}`);
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
  // Four letters say the same in the last place of 43: only one of them was written here.
  if (!mac.endsWith(given.toString('base64url').slice(-1))) return undefined;
  return { keyId, expiresAt: Number.parseInt(end, 36) };
}

function macOf(secret: Buffer, { id, generation }: Linked, rest: string): Buffer {
  return createHmac('sha256', secret).update(`${id}/${generation}\n${rest}`).digest();
}
