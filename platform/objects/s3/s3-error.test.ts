import { expect, test } from 'vitest';

import { ObjectStoreError, s3Error } from '#platform/objects/s3/s3-error';

interface Answer {
  readonly name?: string;
  readonly message?: string;
  readonly status?: number;
  readonly code?: string;
}

/** As the SDK throws it. */
function explained({ name = 'Error', message = 'no', status, code }: Answer): Error {
  const error = Object.assign(new Error(message), { name, CanonicalRequest: 'x-amz-security-token:secret' });
  if (code !== undefined) Object.assign(error, { code });
  if (status !== undefined) Object.assign(error, { $metadata: { httpStatusCode: status } });
  return s3Error(error, { bucket: 'b', permission: 's3:GetObject' });
}

test.each<[Answer]>([
  [{ status: 500 }],
  [{ status: 503, name: 'SlowDown' }],
  [{ status: 429 }],
  [{ status: 400, name: 'RequestTimeout' }],
  [{ name: 'TimeoutError' }],
  [{ name: 'AbortError' }],
  [{ code: 'ECONNREFUSED' }],
  [{ code: 'ECONNRESET' }],
])('%j may pass', (answer) => {
  expect(explained(answer)).toMatchObject({ name: 'ServiceUnavailable', service: 'S3' });
});

test.each<[Answer, string, string]>([
  [{ status: 404, name: 'NoSuchKey' }, 'missing', 'S3 refused s3:GetObject: NoSuchKey (bucket b)'],
  [{ status: 404, name: 'NoSuchBucket' }, 'other', 'There is no bucket b'],
  [{ status: 412, name: 'PreconditionFailed' }, 'taken', ''],
  [{ status: 409, name: 'ConditionalRequestConflict' }, 'race', ''],
  [{ status: 416, name: 'InvalidRange' }, 'range', ''],
  [{ status: 403, name: 'AccessDenied' }, 'denied', 'S3 denied s3:GetObject'],
  [{ status: 403, name: 'SignatureDoesNotMatch' }, 'denied', 'does not know these credentials'],
  [{ status: 301, name: 'PermanentRedirect' }, 'other', 'CAIRN_S3_REGION'],
  [{ status: 501, name: 'NotImplemented' }, 'other', 'NotImplemented'],
  [{ message: 'Region is missing' }, 'other', 'CAIRN_S3_REGION'],
  [
    { name: 'CredentialsProviderError', message: 'Could not load credentials from any providers' },
    'other',
    'AWS_ACCESS_KEY_ID',
  ],
])('%j is told as %s', (answer, reason, text) => {
  const error = explained(answer);
  expect(error).toBeInstanceOf(ObjectStoreError);
  expect(error).toMatchObject({ reason, message: expect.stringContaining(text) });
});

test('what the SDK keeps of the request, with its token, does not go along', () => {
  const error = explained({ status: 403, name: 'SignatureDoesNotMatch' });
  expect(JSON.stringify([error, error.cause, Object.entries(error.cause ?? {})])).not.toContain('secret');
  expect(String(error.cause)).toContain('SignatureDoesNotMatch (403)');
});
