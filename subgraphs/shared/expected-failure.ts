import { CairnError } from '#domain/errors';
import { isDatabaseAway } from '#platform/database-errors';
import { ServiceUnavailable } from '#platform/service-unavailable';

/** Seconds after which a service that is away is worth another try. */
const RETRY_AFTER = 5;

/** The one mapper of the catalog to GraphQL: `extensions.code`, `extensions.argument`, `extensions.retryAfter`. */
export function expectedFailure(cause: unknown): CairnError | undefined {
  if (cause instanceof CairnError) return cause;
  return cause instanceof ServiceUnavailable || isDatabaseAway(cause) ? unavailable(cause) : undefined;
}

/** What the service said is for the operator. */
function unavailable(cause: unknown): CairnError {
  const message = 'A service that this needs does not answer at the moment.';
  return new CairnError('UNAVAILABLE', message, { retryAfter: RETRY_AFTER, cause });
}
