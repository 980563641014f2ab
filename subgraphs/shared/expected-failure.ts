import { CairnError } from '#domain/errors';
import type { ExpectedFailure } from '#platform/graphql/present-error';

/** The one mapper of the catalog to GraphQL: `extensions.code`, `extensions.argument`, `extensions.retryAfter`. */
export function expectedFailure(cause: unknown): ExpectedFailure | undefined {
  return cause instanceof CairnError ? cause : undefined;
}
