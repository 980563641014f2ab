import { type ExecutionResult, type GraphQLSchema, buildASTSchema, parse, validate } from 'graphql';
import type { Caller } from '#domain/caller';
import type { Principal } from '#domain/principal';
import type { GatewaySubgraph } from '#gateway/subgraph';
import type { GraphqlLimits } from '#platform/graphql/limits';
import { type OperationCharge, chargeOperation } from '#platform/graphql/operation-charge';
import { type ErrorLog, presentError } from '#platform/graphql/present-error';
import type { ResultStream } from '#platform/graphql/streams/result-stream';
import {
  type StreamOperation,
  prepareSubscription,
  refused,
} from '#platform/graphql/streams/subscription-operation';

export interface SubscriptionParts {
  readonly subgraphs: readonly GatewaySubgraph[];
  /** What clients see. */
  readonly schema: GraphQLSchema;
  readonly limits: GraphqlLimits;
  readonly charge?: OperationCharge<Principal> | undefined;
  readonly log: ErrorLog;
}

export type Subscribe = (
  operation: StreamOperation,
  caller: Caller,
  signal: AbortSignal,
) => Promise<ResultStream | ExecutionResult>;

interface Source {
  readonly subgraph: GatewaySubgraph;
  readonly schema: GraphQLSchema;
}

/**
 * Hands a subscription to the subgraph whose field it asks for, without the planner: what is told live carries all
 * its fields, and joins with other subgraphs would be asked for every message of every subscriber.
 */
export function createSubscribe({ subgraphs, schema, limits, charge, log }: SubscriptionParts): Subscribe {
  const sources = sourcesOf(subgraphs);
  return async (operation, caller, signal) => {
    const prepared = prepareSubscription(schema, operation, limits);
    if ('errors' in prepared)
      return {
        errors: prepared.errors.map((error) => presentError(error, { requestId: caller.requestId, log })),
      };
    const { document, field } = prepared;
    const source = sources.get(field);
    if (source?.subgraph.subscribe === undefined)
      return { errors: [refused(`${field} cannot be followed.`)] };
    const [foreign] = validate(source.schema, document);
    if (foreign !== undefined) {
      const { name } = source.subgraph;
      return {
        errors: [
          refused(
            `A stream has the fields of the subgraph ${name} and no joins with others: ${foreign.message}`,
          ),
        ],
      };
    }
    const unpaid = chargeOperation(charge, caller.principal, prepared.cost);
    if (unpaid) return { errors: [unpaid] };
    return source.subgraph.subscribe({
      document,
      variables: operation.variables ?? undefined,
      operationName: operation.operationName ?? undefined,
      caller,
      signal,
    });
  };
}

/** By the fields of their Subscription types. */
function sourcesOf(subgraphs: readonly GatewaySubgraph[]): ReadonlyMap<string, Source> {
  const sources = new Map<string, Source>();
  for (const subgraph of subgraphs) {
    const schema = buildASTSchema(parse(subgraph.sdl), { assumeValid: true, assumeValidSDL: true });
    const fields = Object.keys(schema.getSubscriptionType()?.getFields() ?? {});
    for (const field of fields) sources.set(field, { subgraph, schema });
  }
  return sources;
}
