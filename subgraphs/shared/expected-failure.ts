import { CairnError } from '#domain/errors';
import type { ExpectedFailure } from '#platform/graphql/present-error';

/** The one mapper of the catalog to GraphQL: `extensions.code`, `extensions.argument`, `extensions.retryAfter`. */
export function expectedFailure(cause: unknown): ExpectedFailure | undefined {
  if (!(cause instanceof CairnError)) return undefined;
  return { code: cause.code, message: cause.message, argument: cause.path, retryAfter: cause.retryAfter };
}
