import type { GraphQLError } from 'graphql';
import { limitExceeded } from '#platform/graphql/document-shape';
import type { GraphqlLimits } from '#platform/graphql/limits';

/**
 * Refuses variables that are nested too deep, before anyone walks them: coercion is recursive and would overflow
 * the stack. Looks level by level, and no further than the limit.
 */
export function checkVariables(
  variables: Readonly<Record<string, unknown>>,
  { variablesDepth }: Pick<GraphqlLimits, 'variablesDepth'>,
): readonly GraphQLError[] {
  let level: unknown[] = Object.values(variables);
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > variablesDepth) {
      return [limitExceeded(`variables nested ${variablesDepth} levels deep`, 'more')];
    }
    level = level.flatMap(partsOf);
  }
  return [];
}

function partsOf(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}
