import type { GatewayPlugin } from '@graphql-hive/gateway-runtime';
import { isAsyncIterable } from '@graphql-tools/utils';
import {
  type DocumentNode,
  type ExecutionResult,
  GraphQLError,
  type OperationDefinitionNode,
  getOperationAST,
  parse,
  separateOperations,
} from 'graphql';
import { mayRead, mayWrite } from '#domain/principal';
import { type DoorContext, doorContext } from '#gateway/operation-context';
import { checkDocumentShape } from '#platform/graphql/document-shape';
import { isIntrospection, mixesIntrospection } from '#platform/graphql/introspection';
import type { GraphqlLimits } from '#platform/graphql/limits';
import { checkOperationCost } from '#platform/graphql/operation-cost';
import { type ErrorLog, presentError } from '#platform/graphql/present-error';
import { within } from '#platform/graphql/within';

export interface GuardParts {
  readonly limits: GraphqlLimits;
  readonly log: ErrorLog;
}

/** Everything that stands between an authenticated request and the planner, in the order of its cost. */
export function useOperationGuard({ limits, log }: GuardParts): GatewayPlugin {
  const separated = new WeakMap<DocumentNode, Record<string, DocumentNode>>();

  /** The planner looks at a whole document to tell introspection from data, so it gets one operation at a time. */
  function onlyOperation(document: DocumentNode, operationName: string | null | undefined): DocumentNode {
    let parts = separated.get(document);
    if (!parts) {
      parts = separateOperations(document);
      separated.set(document, parts);
    }
    const alone = Object.keys(parts).length === 1 ? document : parts[operationName ?? ''];
    return alone ?? document;
  }

  return {
    onParse({ setParseFn }) {
      setParseFn((source, options) => parse(source, { ...options, maxTokens: limits.tokens }));
    },
    onValidate({ params, setResult }) {
      const errors = checkDocumentShape(params.documentAST, limits);
      if (errors.length > 0) setResult([...errors]);
    },
    onExecute({ args, executeFn, setExecuteFn, setResultAndStopExecution }) {
      const operation = getOperationAST(args.document, args.operationName);
      if (!operation) return; // the executor words this one
      const context = doorContext(args.contextValue);
      const document = onlyOperation(args.document, args.operationName);
      const variables = args.variableValues ?? {};
      const errors = [
        ...checkRole(context, document, operation),
        ...checkOperationCost({ schema: args.schema, document, operation, variables }, limits),
      ];
      if (errors.length > 0) {
        setResultAndStopExecution({ errors });
        return;
      }
      args.document = document;
      setExecuteFn((given) =>
        within({ ms: limits.timeoutMs, left: context.left, timedOut }, async (signal) => {
          doorContext(given.contextValue).signal = signal;
          return answered(await executeFn(given));
        }),
      );
    },
    onResultProcess(payload) {
      const { result } = payload;
      const { caller } = doorContext(payload.serverContext);
      const present = (one: ExecutionResult): ExecutionResult =>
        presentResult(one, { requestId: caller.requestId, log });
      // Subscriptions present their own results when they come (none yet).
      if (isAsyncIterable(result)) return;
      payload.setResult(Array.isArray(result) ? result.map(present) : present(result));
    },
  };
}

/** A first filter; every subgraph checks again. */
function checkRole(
  { caller: { principal } }: DoorContext,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): readonly GraphQLError[] {
  if (mixesIntrospection(document, operation)) {
    return [refusal('INVALID_ARGUMENT', 'Ask for the schema in an operation of its own.', 400)];
  }
  if (isIntrospection(document, operation)) return [];
  const allowed = operation.operation === 'mutation' ? mayWrite(principal) : mayRead(principal);
  if (allowed) return [];
  return [
    refusal('FORBIDDEN', `A key with the role ${principal.role} may not run a ${operation.operation}.`, 403),
  ];
}

function timedOut(): GraphQLError {
  return refusal('TIMEOUT', 'The operation took too long and was ended.', 504);
}

/** The planner leaves `data` out where a non-null root field failed; GraphQL wants it null then. */
function answered(result: ExecutionResult): ExecutionResult {
  return isAsyncIterable(result) || 'data' in result ? result : { data: null, ...result };
}

function refusal(code: string, message: string, status: number): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: { status, spec: true } } });
}

function presentResult(
  result: ExecutionResult,
  presenter: { readonly requestId: string; readonly log: ErrorLog },
): ExecutionResult {
  if (!result.errors) return result;
  return {
    ...result,
    errors: result.errors.map((error) => withStatus(presentError(error, presenter), result)),
  };
}

/** A masked failure that left nothing to answer is the server's own: 500. */
function withStatus(error: GraphQLError, { data }: ExecutionResult): GraphQLError {
  if (error.extensions['code'] === 'INTERNAL' && !data) error.extensions['http'] = { status: 500 };
  return error;
}
