import { isSocketError } from '#platform/socket-errors';

/** A service that we stand on does not answer now; the same request may succeed later. */
export class ServiceUnavailable extends Error {
  /** `S3`, `KMS`. */
  readonly service: string;

  constructor(
    service: string,
    { cause, reason }: { readonly cause?: unknown; readonly reason?: string } = {},
  ) {
    super(reason ?? `${service} cannot be reached or does not answer in time.`, { cause });
    this.name = 'ServiceUnavailable';
    this.service = service;
  }
}

/** The answer broke off, as Node's streams say it. */
const CUT_OFF = 'ERR_STREAM_PREMATURE_CLOSE';
/** What SDK and Node call time-outs: of the connection, of the answer, of an AbortSignal. */
const TIMEOUTS = new Set(['TimeoutError', 'AbortError', 'RequestTimeout', 'RequestTimeTooSkewed']);
/** Names of errors by which AWS services ask for patience, whatever the status. */
const THROTTLES = new Set([
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'LimitExceededException',
]);

/** A server without that part of the service will not have it later either. */
const NOT_IMPLEMENTED = 501;

/** What is said of a failed request to AWS, without what must not be logged. */
export interface AwsFailure {
  readonly name: string;
  readonly message: string;
  /** Of the answer; undefined when there was none. */
  readonly status: number | undefined;
  /** The service is down, slow or overloaded: no fault of the request. */
  readonly passing: boolean;
}

/**
 * Reads an error of the AWS SDK. Its other fields stay out of ours: that of a wrong signature quotes the request
 * with its session token.
 */
export function awsFailure(error: unknown): AwsFailure {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: String(error), status: undefined, passing: false };
  }
  const status = statusOf(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const passing =
    (status !== undefined && status >= 500 && status !== NOT_IMPLEMENTED) ||
    status === 429 ||
    TIMEOUTS.has(error.name) ||
    THROTTLES.has(error.name) ||
    (status === undefined && (isSocketError(code) || code === CUT_OFF));
  return { name: error.name, message: error.message, status, passing };
}

/** The failure as a cause that can be logged. */
export function causeOf({ name, message, status }: AwsFailure): Error {
  return new Error(`${name}${status === undefined ? '' : ` (${status})`}: ${message}`);
}

function statusOf(error: Error): number | undefined {
  if (!('$metadata' in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
