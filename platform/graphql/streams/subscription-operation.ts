import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  getOperationAST,
  parse,
  validate,
} from 'graphql';
import { z } from 'zod';
import { checkDocumentShape } from '#platform/graphql/document-shape';
import type { GraphqlLimits } from '#platform/graphql/limits';
import { checkOperationCost } from '#platform/graphql/operation-cost';
import { checkSourceDepth } from '#platform/graphql/source-depth';
import { checkVariables } from '#platform/graphql/variables-depth';

/** What a client of a stream sends. */
export interface StreamOperation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly operationName?: string | null | undefined;
}

/** A subscription that may be started. */
export interface PreparedSubscription {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** Of the one field at its root. */
  readonly field: string;
  /** As `checkOperationCost` estimates it for one message. */
  readonly cost: number;
}

const OPERATION = z.object({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

/** Undefined for what is no operation. */
export function readOperation(value: unknown): StreamOperation | undefined {
  return OPERATION.safeParse(value).data;
}

/** What every door checks before a subscription begins: form, schema, variables, cost. */
export function prepareSubscription(
  schema: GraphQLSchema,
  { query, variables, operationName }: StreamOperation,
  limits: GraphqlLimits,
): PreparedSubscription | { readonly errors: readonly GraphQLError[] } {
  const tooDeep = checkSourceDepth(query, limits);
  if (tooDeep.length > 0) return { errors: tooDeep };
  let document: DocumentNode;
  try {
    document = parse(query, { maxTokens: limits.tokens });
  } catch (error) {
    if (error instanceof GraphQLError) return { errors: [coded(error, 'GRAPHQL_PARSE_FAILED')] };
    throw error;
  }
  const misshapen = checkDocumentShape(document, limits);
  if (misshapen.length > 0) return { errors: misshapen };
  const invalid = validate(schema, document);
  if (invalid.length > 0) return { errors: invalid.map((one) => coded(one, 'GRAPHQL_VALIDATION_FAILED')) };
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== 'subscription') return { errors: [refused(ONLY_SUBSCRIPTIONS)] };
  const values = variables ?? {};
  const overfull = checkVariables(values, limits);
  if (overfull.length > 0) return { errors: overfull };
  const { cost, errors } = checkOperationCost({ schema, document, operation, variables: values }, limits);
  if (errors.length > 0) return { errors };
  const [root] = operation.selectionSet.selections;
  if (root?.kind !== Kind.FIELD) return { errors: [refused('A subscription names its field at its root.')] };
  return { document, operation, field: root.name.value, cost };
}

const ONLY_SUBSCRIPTIONS = 'Streams are for one subscription each; send queries and mutations with POST.';

export function refused(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'INVALID_ARGUMENT' } });
}

function coded(error: GraphQLError, code: string): GraphQLError {
  error.extensions['code'] ??= code;
  return error;
}
