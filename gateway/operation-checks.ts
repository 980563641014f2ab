import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql';
import { type Principal, READERS_MUTATIONS, mayRead, mayWrite } from '#domain/principal';
import { isIntrospection, mixesIntrospection } from '#platform/graphql/introspection';
import type { GraphqlLimits } from '#platform/graphql/limits';
import { type OperationCost, checkOperationCost } from '#platform/graphql/operation-cost';
import { checkVariables } from '#platform/graphql/variables-depth';

/** One operation, alone in its document, and who wants it run how. */
export interface CheckedOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly principal: Principal;
  /** Of HTTP; undefined where the operation came another way. */
  readonly method: string | undefined;
}

/** What stands between a valid operation and the planner; a first filter, every subgraph checks again. */
export function checkOperation(checked: CheckedOperation, limits: GraphqlLimits): OperationCost {
  const errors = checkForm(checked, limits);
  return errors.length > 0 ? { cost: 0, errors } : checkOperationCost(checked, limits);
}

function checkForm(checked: CheckedOperation, limits: GraphqlLimits): readonly GraphQLError[] {
  const { document, operation, principal, method } = checked;
  if (method === 'GET' && operation.operation !== 'query') {
    const headers = { Allow: 'POST' };
    return [refusal('INVALID_ARGUMENT', 'GET is for queries.', { status: 405, headers })];
  }
  if (operation.operation === 'subscription') {
    const message =
      'Subscriptions are asked with `accept: text/event-stream`, or over WebSocket (graphql-transport-ws).';
    return [refusal('INVALID_ARGUMENT', message, BAD_REQUEST)];
  }
  if (mixesIntrospection(document, operation)) {
    // The planner would answer one half of it with nulls.
    return [refusal('INVALID_ARGUMENT', 'Ask for the schema in an operation of its own.', BAD_REQUEST)];
  }
  const allowed = changesThings(operation) ? mayWrite(principal) : mayRead(principal);
  if (!allowed && !isIntrospection(document, operation)) {
    const message = `A key with the role ${principal.role} may not run a ${operation.operation}.`;
    return [refusal('FORBIDDEN', message, { status: 403, spec: true })];
  }
  return checkVariables(checked.variables, limits);
}

/** Fragments at the root are taken for the worst. */
function changesThings({ operation, selectionSet }: OperationDefinitionNode): boolean {
  const isForReaders = (one: SelectionNode): boolean =>
    one.kind === Kind.FIELD && READERS_MUTATIONS.has(one.name.value);
  return operation === 'mutation' && !selectionSet.selections.every(isForReaders);
}

interface HttpAnswer {
  readonly status: number;
  /** Only where the response's media type lets the status speak (application/graphql-response+json). */
  readonly spec?: true;
  readonly headers?: Readonly<Record<string, string>>;
}

export const BAD_REQUEST: HttpAnswer = { status: 400, spec: true };

/** An error that Yoga answers with this status. */
export function refusal(code: string, message: string, http: HttpAnswer): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http } });
}
