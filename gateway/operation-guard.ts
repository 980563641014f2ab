import type { GatewayPlugin } from '@graphql-hive/gateway-runtime';
import { isAsyncIterable } from '@graphql-tools/utils';
import {
  type ExecutionResult,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  getOperationAST,
} from 'graphql';
import type { Caller } from '#domain/caller';
import { DocumentCache } from '#gateway/document-cache';
import { type Principal, shareOf } from '#domain/principal';
import { BAD_REQUEST, checkOperation, refusal } from '#gateway/operation-checks';
import { doorContext } from '#gateway/operation-context';
import { printAnswer } from '#gateway/print-answer';
import type { FairTurns } from '#platform/fair/fair-turns';
import type { TimeSlices } from '#platform/fair/time-slices';
import type { GraphqlLimits } from '#platform/graphql/limits';
import {
  type OperationCharge,
  chargeOperation,
  refusedOperation,
  retryAfterOf,
  tooManyRequests,
} from '#platform/graphql/operation-charge';
import { type ErrorLog, presentError } from '#platform/graphql/present-error';
import { isExpected } from '#platform/http/answers';
import { within } from '#platform/graphql/within';

export interface GuardParts {
  readonly limits: GraphqlLimits;
  /** None: operations cost their callers nothing. */
  readonly charge?: OperationCharge<Principal> | undefined;
  /** What callers take in turn to run their operations; without it nobody waits. */
  readonly turns?: FairTurns | undefined;
  readonly slices?: TimeSlices | undefined;
  readonly log: ErrorLog;
  /** Hears whom an operation was forbidden, and its first root field. */
  readonly onForbidden?: ((caller: Caller, field: string) => void) | undefined;
}

type Yoga = Parameters<NonNullable<GatewayPlugin['onYogaInit']>>[0]['yoga'];
type Incoming = Parameters<ParamsHandler>[0];
type ParamsHandler = Parameters<Parameters<NonNullable<GatewayPlugin['onParams']>>[0]['setParamsHandler']>[0];

/** Takes operations from Yoga's HTTP to Hive's planner itself, so that nothing runs or is kept unchecked. */
export function useOperationGuard(parts: GuardParts): GatewayPlugin {
  const { limits, charge, turns, slices, log, onForbidden } = parts;
  const documents = new DocumentCache(limits);
  let yoga: Yoga | undefined;

  async function run({ params, request, context }: Incoming): Promise<ExecutionResult> {
    if (!yoga) throw new Error('An operation came before the gateway was ready.');
    const { caller, left } = doorContext(context);
    const { schema, contextFactory, execute } = yoga.getEnveloped(
      Object.assign(context, { request, params }),
    );
    const prepared = documents.prepare(schema, params.query ?? '');
    if ('errors' in prepared) return { errors: prepared.errors };
    // Yoga checks the types of all parameters but this one.
    const name: unknown = params.operationName ?? undefined;
    if (name !== undefined && typeof name !== 'string') return { errors: [NAMELESS] };
    const operation = getOperationAST(prepared.document, name);
    if (!operation) return { errors: [refusal('INVALID_ARGUMENT', NO_OPERATION, BAD_REQUEST)] };
    const document = prepared.operations[operation.name?.value ?? ''] ?? prepared.document;
    const variables = params.variables ?? {};
    const { principal } = caller;
    const checked = { schema, document, operation, variables, principal, method: request.method };
    const { cost, errors } = checkOperation(checked, limits);
    if (errors.some(({ extensions }) => extensions['code'] === 'FORBIDDEN')) {
      onForbidden?.(caller, rootFieldOf(operation));
    }
    if (errors.length > 0) return { errors };
    const unpaid = chargeOperation(charge, principal, cost);
    if (unpaid) return { errors: [unpaid] };
    return within({ ms: limits.timeoutMs, left, timedOut }, async (signal) => {
      const contextValue = await contextFactory({ signal });
      const { operationName } = params;
      const work = async (): Promise<ExecutionResult> => {
        const operand = { schema, document, contextValue, variableValues: variables, operationName };
        const result = answered(await execute(operand));
        return slices ? printAnswer(result, () => slices.next(shareOf(principal))) : result;
      };
      return turns ? turns.take(shareOf(principal), work, signal) : work();
    });
  }

  return {
    onYogaInit(payload) {
      yoga = payload.yoga;
    },
    onParams({ setParamsHandler }) {
      setParamsHandler((incoming) => run(incoming).catch(failed));
    },
    onResultProcess(payload) {
      const { result } = payload;
      const presenter = { requestId: doorContext(payload.serverContext).caller.requestId, log };
      // Subscriptions present their own results when they come (none yet).
      if (isAsyncIterable(result)) return;
      const present = (one: ExecutionResult): ExecutionResult => presentResult(one, presenter);
      payload.setResult(Array.isArray(result) ? result.map(present) : present(result));
    },
  };
}

/** Where the operation begins with a fragment, its kind. */
function rootFieldOf({ operation, selectionSet }: OperationDefinitionNode): string {
  const [first] = selectionSet.selections;
  return first?.kind === Kind.FIELD ? first.name.value : operation;
}

const NAMELESS = refusal('INVALID_ARGUMENT', 'operationName must be text.', { status: 400 });

const NO_OPERATION = 'The document holds no operation, or several and operationName names none of them.';

function timedOut(): GraphQLError {
  return refusal('TIMEOUT', 'The operation took too long and was ended.', { status: 504 });
}

/** The planner leaves `data` out where a non-null root field failed; GraphQL wants it null then. */
function answered(result: ExecutionResult): ExecutionResult {
  return 'data' in result ? result : { data: null, ...result };
}

/** What the planner throws instead of answering: variables that do not fit, one error or several. */
function failed(error: unknown): ExecutionResult {
  const all: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return {
    errors: all.map((one) => {
      if (one instanceof GraphQLError) {
        one.extensions['http'] ??= BAD_REQUEST;
        return one;
      }
      if (isExpected(one)) return refusedOperation(one);
      const originalError = one instanceof Error ? one : new Error(String(one));
      return new GraphQLError(originalError.message, { originalError });
    }),
  };
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

/** What left nothing to answer speaks for the whole: a masked failure is the server's own, 500, too much is 429. */
function withStatus(error: GraphQLError, { data }: ExecutionResult): GraphQLError {
  if (error.extensions['code'] === 'INTERNAL' && !data) error.extensions['http'] = { status: 500 };
  const retryAfter = retryAfterOf({ data, errors: [error] });
  if (retryAfter !== undefined) error.extensions['http'] = tooManyRequests(retryAfter);
  return error;
}
