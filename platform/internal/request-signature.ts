import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Nonces } from '#platform/internal/nonces';

/**
 * Requests from one process of an installation to another, signed with a key that both have. Signed are these
 * lines, joined by line feeds: `cairn-internal-1`, the method, the host that was addressed, the path with its
 * query, Content-Digest (RFC 9530, SHA-256 of the body), milliseconds since 1970, a nonce. The signature is
 * HMAC-SHA-256. No line can hold a line feed: HTTP allows none in any of them. Who asks stands in the body: a
 * key of a thousand accounts is too long for a header.
 */
const VERSION = 'cairn-internal-1';

/** How far the clocks of two machines may be apart, and how long a signature is good for. */
const WINDOW_MS = 60_000;
/** Nonces remembered at a time: 3,000 requests a second for the whole window. */
const NONCES = 200_000;
const NONCE_BYTES = 16;
const SIGNATURE = /^v=1;t=(\d{1,15});n=([\w-]{22});s=([\w-]{43})$/;

export const SIGNATURE_HEADER = 'x-cairn-signature';
const DIGEST_HEADER = 'content-digest';

export interface InternalRequest {
  readonly method: string;
  /** `Host`: name or address, with the port. */
  readonly host: string;
  /** With the query. */
  readonly path: string;
}

export interface RequestToSign extends InternalRequest {
  readonly body: Uint8Array;
}

/** The first signs, each of them verifies: so a new key can go round before it is used. */
export type InternalKeys = readonly [Buffer, ...Buffer[]];

/** The headers to add to the request. */
export function signRequest(
  [key]: InternalKeys,
  request: RequestToSign,
  now = Date.now(),
): Record<string, string> {
  const [time, nonce] = [String(now), randomBytes(NONCE_BYTES).toString('base64url')];
  const digest = digestOf(request.body);
  const signature = macOf(key, request, [digest, time, nonce]).toString('base64url');
  return {
    [DIGEST_HEADER]: digest,
    [SIGNATURE_HEADER]: `v=1;t=${time};n=${nonce};s=${signature}`,
  };
}

/**
 * Why a request was not believed: for the log, strangers learn nothing from it. `overrun`: there were too many to
 * tell a repeated one from a new one; a later one may be believed.
 */
export type Disbelief = 'unsigned' | 'malformed' | 'stale' | 'forged' | 'replayed' | 'overrun';

/** `hasBody`: whether these are the bytes that were signed. */
export type Belief = { readonly hasBody: (body: Uint8Array) => boolean } | { readonly refused: Disbelief };

export interface CheckedRequest extends InternalRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Believes each signed request once. */
export class SignatureChecker {
  readonly #keys: InternalKeys;
  readonly #now: () => number;
  readonly #nonces: Nonces;

  constructor(keys: InternalKeys, options: { readonly now?: () => number; readonly nonces?: number } = {}) {
    this.#keys = keys;
    this.#now = options.now ?? Date.now;
    this.#nonces = new Nonces(options.nonces ?? NONCES);
  }

  /** By the headers alone, so that nobody reads the body of a stranger; the body is compared when it was read. */
  check(request: CheckedRequest): Belief {
    const { headers } = request;
    const [digest, text] = [headers[DIGEST_HEADER], headers[SIGNATURE_HEADER]];
    if (typeof digest !== 'string' || typeof text !== 'string') return { refused: 'unsigned' };
    const [, time, nonce, signature] = SIGNATURE.exec(text) ?? [];
    if (time === undefined || nonce === undefined || signature === undefined) return { refused: 'malformed' };
    const given = Buffer.from(signature, 'base64url');
    const lines = [digest, time, nonce];
    // Every key is tried, whichever fits.
    const fits = this.#keys.map((key) => timingSafeEqual(macOf(key, request, lines), given));
    if (!fits.includes(true)) return { refused: 'forged' };
    const now = this.#now();
    if (Math.abs(now - Number(time)) > WINDOW_MS) return { refused: 'stale' };
    const seen = this.#nonces.take(nonce, { until: Number(time) + WINDOW_MS, now });
    if (seen !== 'new') return { refused: seen };
    return { hasBody: (body) => digestOf(body) === digest };
  }
}

function macOf(key: Buffer, { method, host, path }: InternalRequest, rest: readonly string[]): Buffer {
  const lines = [VERSION, method, host.toLowerCase(), path, ...rest];
  return createHmac('sha256', key).update(lines.join('\n')).digest();
}

function digestOf(body: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
}
