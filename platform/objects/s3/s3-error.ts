import { awsFailure, causeOf, ServiceUnavailable } from '#platform/service-unavailable';

/** Reasons for which a request to S3 fails that its caller may expect. */
type S3Reason = 'missing' | 'taken' | 'race' | 'range' | 'denied' | 'other';

/** A request that S3 refused. The message says what to do, and holds no secret. */
export class ObjectStoreError extends Error {
  readonly reason: S3Reason;

  constructor(reason: S3Reason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ObjectStoreError';
    this.reason = reason;
  }
}

const REASONS: Readonly<Record<number, S3Reason>> = {
  403: 'denied',
  404: 'missing',
  // Another request to the same key ran at the same time (ConditionalRequestConflict).
  409: 'race',
  412: 'taken',
  416: 'range',
};

/** Errors that no answer of S3 made: the SDK did not even ask. */
const CREDENTIALS = /credential|token is expired|could not load/i;

/** What a failed request means. Errors that are already ours pass. */
export function s3Error(
  error: unknown,
  { bucket, permission }: { readonly bucket: string; readonly permission: string },
): Error {
  if (error instanceof ObjectStoreError || error instanceof ServiceUnavailable) return error;
  const failure = awsFailure(error);
  const cause = causeOf(failure);
  if (failure.passing) return new ServiceUnavailable('S3', { cause });
  const { name, status } = failure;
  if (status === undefined) return new ObjectStoreError('other', unsent(failure.message), { cause });
  if (name === 'NoSuchBucket') {
    return new ObjectStoreError('other', `There is no bucket ${bucket}: make it, or name another.`, {
      cause,
    });
  }
  if (status === 301 || name === 'AuthorizationHeaderMalformed') {
    return new ObjectStoreError('other', `The bucket ${bucket} is in another region: set CAIRN_S3_REGION.`, {
      cause,
    });
  }
  const reason = REASONS[status] ?? 'other';
  return new ObjectStoreError(reason, `${textOf(reason, failure, permission)} (bucket ${bucket})`, { cause });
}

function unsent(message: string): string {
  if (/region/i.test(message)) return 'S3 needs a region: set CAIRN_S3_REGION.';
  if (CREDENTIALS.test(message)) {
    return 'No credentials for S3: give them as the AWS SDK finds them (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, a role).';
  }
  return `The request to S3 could not be made: ${message}`;
}

function textOf(reason: S3Reason, failure: { name: string; message: string }, permission: string): string {
  if (reason === 'denied') return denied(failure.name, permission);
  if (reason === 'other' && /missing object ?lock/i.test(failure.message)) {
    return 'The bucket has no Object Lock, which CAIRN_S3_LOCK_MODE asks for: it is chosen when a bucket is made.';
  }
  return `S3 refused ${permission}: ${failure.name}`;
}

function denied(name: string, permission: string): string {
  if (name === 'InvalidAccessKeyId' || name === 'SignatureDoesNotMatch' || name === 'ExpiredToken') {
    return `S3 does not know these credentials or they are over: ${name}`;
  }
  return `S3 denied ${permission}: allow it to these credentials, and the use of the KMS key where the bucket has one. Without s3:ListBucket S3 says so of objects that are not there, too`;
}
