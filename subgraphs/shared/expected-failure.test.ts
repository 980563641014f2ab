import { expect, test } from 'vitest';

import { CairnError } from '#domain/errors';
import { ServiceUnavailable } from '#platform/service-unavailable';
import { expectedFailure } from '#subgraphs/shared/expected-failure';

test('errors of the catalog go out as they are, others not at all', () => {
  const error = new CairnError('NOT_FOUND', 'There is no such account.', { path: 'account' });
  expect(expectedFailure(error)).toBe(error);
  expect(expectedFailure(new Error('x'))).toBeUndefined();
});

test('a service that is away is UNAVAILABLE; why is for the operator', () => {
  const failure = expectedFailure(
    new ServiceUnavailable('KMS', { reason: 'the key arn:secret is disabled' }),
  );
  expect(failure).toMatchObject({ code: 'UNAVAILABLE', status: 503, retryAfter: 5 });
  expect(failure?.message).not.toContain('arn');
});
