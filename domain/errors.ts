/** How a code is answered: the HTTP status, and whether the same request may succeed later. */
interface ErrorKind {
  readonly status: number;
  readonly retryable?: true;
}

/** Every code that a caller of Cairn can meet. Codes are part of the public contract: add, never rename. */
const CATALOG = {
  // the request
  INVALID_ARGUMENT: { status: 400 },
  INVALID_FILTER: { status: 400 },
  INVALID_CURSOR: { status: 400 },
  CURSOR_EXPIRED: { status: 410 },
  LIMIT_EXCEEDED: { status: 400 },
  BODY_TOO_LARGE: { status: 413 },
  REQUEST_TIMEOUT: { status: 408, retryable: true },
  UNSUPPORTED_MEDIA_TYPE: { status: 415 },
  // CloudTrail's own for LookupEvents
  INVALID_LOOKUP_ATTRIBUTES: { status: 400 },
  INVALID_TIME_RANGE: { status: 400 },
  INVALID_MAX_RESULTS: { status: 400 },
  INVALID_NEXT_TOKEN: { status: 400 },
  INVALID_EVENT_CATEGORY: { status: 400 },
  // the caller
  UNAUTHENTICATED: { status: 401 },
  FORBIDDEN: { status: 403 },
  NOT_FOUND: { status: 404 },
  ALREADY_EXISTS: { status: 409 },
  // one event
  INVALID_JSON: { status: 400 },
  INVALID_UTF8: { status: 400 },
  INVALID_CHECKSUM: { status: 400 },
  INVALID_EVENT: { status: 400 },
  FIELD_NOT_FOUND: { status: 400 },
  EVENT_TOO_LARGE: { status: 400 },
  TOO_DEEP: { status: 400 },
  INVALID_EVENT_TIME: { status: 400 },
  ACCOUNT_REQUIRED: { status: 400 },
  ACCOUNT_NOT_ALLOWED: { status: 403 },
  UNKNOWN_ACCOUNT: { status: 400 },
  CONFLICT: { status: 409 },
  ERASED: { status: 410 },
  RETENTION_EXPIRED: { status: 410 },
  NOT_SEALED: { status: 409 },
  // the service
  TOO_MANY_REQUESTS: { status: 429, retryable: true },
  UNAVAILABLE: { status: 503, retryable: true },
  TIMEOUT: { status: 504, retryable: true },
  // a stream that was cut off; the cursor says where to go on
  SLOW_CONSUMER: { status: 429, retryable: true },
  CORRUPT: { status: 500 },
  INTERNAL: { status: 500 },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof CATALOG;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(CATALOG, code);
}

interface ErrorDetails {
  /** Where in the input the fault lies: `userIdentity.type`, `filter.and[2].in`. */
  readonly path?: string | undefined;
  /** Seconds after which a retryable request is worth another try. */
  readonly retryAfter?: number | undefined;
  /** Where a list or stream that ends with this error goes on; null: where it began. */
  readonly cursor?: string | null | undefined;
  readonly cause?: unknown;
}

/** An expected failure. Its message may be shown to the caller; anything else is masked. */
export class CairnError extends Error {
  readonly code: ErrorCode;
  readonly path: string | undefined;
  readonly retryAfter: number | undefined;
  readonly cursor: string | null | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CairnError';
    this.code = code;
    this.path = details.path;
    this.retryAfter = details.retryAfter;
    this.cursor = details.cursor;
  }

  get status(): number {
    return CATALOG[this.code].status;
  }

  get retryable(): boolean {
    return 'retryable' in CATALOG[this.code];
  }
}
