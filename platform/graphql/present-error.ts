import { randomBytes } from 'node:crypto';
import { GraphQLError } from 'graphql';

/** The part of a structured logger (pino) that this needs. */
export interface ErrorLog {
  error(attributes: Record<string, unknown>, message: string): void;
}

/** An expected failure in the words that its caller may read. */
export interface ExpectedFailure {
  readonly code: string;
  readonly message: string;
  /** HTTP status for doors that have to answer with one. */
  readonly status: number;
  /** The faulty part of the input: `filter.and[2].in`. */
  readonly path?: string | undefined;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
  /** Where to go on; null: where it began. */
  readonly cursor?: string | null | undefined;
}

export interface Presenter {
  readonly requestId: string;
  readonly log: ErrorLog;
  /** Undefined for anything that is not an expected failure. */
  readonly expected?: (cause: unknown) => ExpectedFailure | undefined;
}

/** The servers' own for what the catalog calls an invalid argument: a batch that is too long, a variable of a wrong type. */
const SERVERS_WORDS: ReadonlySet<unknown> = new Set(['BAD_REQUEST', 'BAD_USER_INPUT']);

/** graphql-js tells near misses of names ("Did you mean ..."), which maps a schema for those who may not see it. */
const SUGGESTION = / ?Did you mean [^]*\?$/;

/**
 * The error as the outside sees it: expected failures with their code, GraphQL's own faults (syntax,
 * validation, coercion) without suggestions, everything else masked. A masked error is logged with its cause
 * under the reference that the caller is shown. Every answer carries the request's id.
 */
export function presentError(error: GraphQLError, presenter: Presenter): GraphQLError {
  const cause = rootCause(error);
  const failure = presenter.expected?.(cause);
  if (failure) {
    const { code, message, path, retryAfter, cursor } = failure;
    return again(error, message, {
      code,
      ...(path === undefined ? {} : { argument: path }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
      ...(cursor === undefined ? {} : { cursor }),
      requestId: presenter.requestId,
    });
  }
  if (cause instanceof GraphQLError) {
    const said = cause.extensions['code'] ?? error.extensions['code'];
    const code = said === undefined || SERVERS_WORDS.has(said) ? 'INVALID_ARGUMENT' : said;
    return again(error, error.message.replace(SUGGESTION, ''), {
      ...error.extensions,
      code,
      requestId: presenter.requestId,
    });
  }
  return masked(error, cause, presenter);
}

function masked(error: GraphQLError, cause: unknown, { requestId, log }: Presenter): GraphQLError {
  const reference = randomBytes(8).toString('hex');
  log.error({ err: cause, reference, requestId, path: error.path?.join('.') }, 'unexpected error');
  return again(error, `Something went wrong here; it is logged under reference ${reference}.`, {
    code: 'INTERNAL',
    reference,
    requestId,
  });
}

/** Errors travel through executors that wrap them; what was thrown first decides. */
function rootCause(error: GraphQLError): unknown {
  let cause: unknown = error;
  for (let depth = 0; depth < 10 && cause instanceof GraphQLError && cause.originalError; depth += 1) {
    cause = cause.originalError;
  }
  return cause;
}

/** A copy without `originalError`, so that whoever meets it next knows it for presented. */
function again(error: GraphQLError, message: string, extensions: Record<string, unknown>): GraphQLError {
  return new GraphQLError(message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    path: error.path,
    extensions,
  });
}
