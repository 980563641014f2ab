import { TargetRefused } from '#platform/outbound/address-guard';

/** Why nothing came back. The words are ours alone: errors of the network quote hosts and certificates. */
export interface SendFailure {
  readonly failure: string;
  /** False when the same request can never succeed. */
  readonly retryable: boolean;
}

/** `isLate`: the time for the whole request is over. */
export function sendFailure(error: unknown, isLate: boolean): SendFailure {
  if (error instanceof TargetRefused) return { failure: error.message, retryable: error.retryable };
  if (isLate) return { failure: 'The receiver did not answer in time.', retryable: true };
  if (error instanceof Error && error.name === 'AbortError') {
    return { failure: 'The process ended before the receiver answered.', retryable: true };
  }
  for (const code of codesOf(error)) {
    const known = WORDS.get(code) ?? (isTls(code) ? TLS : undefined);
    if (known !== undefined) return { failure: known, retryable: true };
  }
  return { failure: 'The request failed.', retryable: true };
}

const TLS = 'The certificate of the receiver cannot be trusted.';
const SILENT = 'The receiver did not answer in time.';
const UNREACHABLE = 'The receiver cannot be reached.';
const BROKEN = 'The receiver broke the connection.';
const FOREIGN = 'The receiver does not speak HTTP.';
const WORDS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'The receiver refuses connections.'],
  ['EHOSTUNREACH', UNREACHABLE],
  ['ENETUNREACH', UNREACHABLE],
  ['EADDRNOTAVAIL', UNREACHABLE],
  ['UND_ERR_CONNECT_TIMEOUT', UNREACHABLE],
  ['ETIMEDOUT', UNREACHABLE],
  ['UND_ERR_HEADERS_TIMEOUT', SILENT],
  ['UND_ERR_BODY_TIMEOUT', SILENT],
  ['ECONNRESET', BROKEN],
  ['EPIPE', BROKEN],
  ['UND_ERR_SOCKET', BROKEN],
  ['UND_ERR_HEADERS_OVERFLOW', 'The receiver answers with too many headers.'],
  ['EPROTO', FOREIGN],
]);

function isTls(code: string): boolean {
  return /CERT|^ERR_TLS_|^UNABLE_TO_|^ERR_SSL_|_SIGNATURE$|^HOSTNAME_MISMATCH$/.test(code);
}

/** Its own code and those of what it wraps (several addresses: an AggregateError). */
function codesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const own = 'code' in error && typeof error.code === 'string' ? [error.code] : [];
  const parser = error.name === 'HTTPParserError' ? ['EPROTO'] : [];
  const inner = error instanceof AggregateError ? error.errors.flatMap((one) => codesOf(one)) : [];
  return [...own, ...parser, ...inner, ...codesOf(error.cause)];
}
