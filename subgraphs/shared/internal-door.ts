import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type DocumentNode,
  type ExecutionResult,
  GraphQLError,
  getOperationAST,
  parse,
  validate,
} from 'graphql';
import { z } from 'zod';
import { type Caller, readCaller } from '#domain/caller';
import { CairnError } from '#domain/errors';
import { shareOf } from '#domain/principal';
import type { FairTurns } from '#platform/fair/fair-turns';
import { clientLeft, readBody, sendRefusal } from '#platform/graphql/http-door';
import type { GraphqlLimits } from '#platform/graphql/limits';
import type { ErrorLog } from '#platform/graphql/present-error';
import { LineStreams } from '#platform/graphql/streams/line-streams';
import { type ResultStream, isResultStream, only } from '#platform/graphql/streams/result-stream';
import { within } from '#platform/graphql/within';
import { sendJson } from '#platform/http/answers';
import { SignatureChecker, type InternalKeys } from '#platform/internal/request-signature';
import { currentRequest, runInRequest } from '#platform/request-context';
import { seldom } from '#platform/seldom';
import type { Subgraph } from '#subgraphs/shared/build-subgraph';

export interface InternalDoorOptions {
  readonly subgraph: Subgraph;
  readonly keys: InternalKeys;
  readonly log: ErrorLog;
  readonly limits: Pick<GraphqlLimits, 'bodyBytes' | 'timeoutMs'>;
  /** What callers take in turn to run their operations; without it nobody waits. */
  readonly turns?: FairTurns | undefined;
  /** One for all doors of a process; made here unless given. */
  readonly checker?: SignatureChecker;
}

export interface InternalDoor {
  /** `/internal/<name>` */
  readonly path: string;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Ends the streams: nothing else would. */
  closeStreams(): Promise<void>;
}

const REQUEST = z.object({
  caller: z.unknown(),
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

/** What the gateway wraps around an operation: the caller with up to a thousand accounts, and the planner's names. */
export const ENVELOPE_BYTES = 256 * 1024;

/**
 * A subgraph for gateways in other processes: it believes who asks by the request's signature and by nothing else
 * (docs/formats/internal-requests.md). Roles and accounts are checked again by the subgraph; the operation's cost
 * was the gateway's to check.
 */
export function createInternalDoor(options: InternalDoorOptions): InternalDoor {
  const { subgraph, keys, log, limits, turns } = options;
  const checker = options.checker ?? new SignatureChecker(keys);
  const documents = new Documents(subgraph);
  const path = `/internal/${subgraph.name}`;
  const streams = new LineStreams();
  // Anybody who reaches the door can be refused by it, as often as he likes.
  const tellDisbelief = seldom((reason) =>
    log.error({ reason, path }, 'internal requests were not believed (said once a minute)'),
  );

  /** The operation and who wants it; undefined when the request was refused. */
  async function admit(
    request: IncomingMessage,
    refuse: (refusal: Refusal) => void,
  ): Promise<Operation | undefined> {
    const { method = '', url = '', headers } = request;
    const belief = checker.check({ method, host: headers.host ?? '', path: url, headers });
    if ('refused' in belief) {
      tellDisbelief(belief.refused);
      refuse(belief.refused === 'overrun' ? OVERRUN : UNBELIEVED);
      return undefined;
    }
    const body = await readBody(request, { bytes: limits.bodyBytes + ENVELOPE_BYTES, ms: limits.timeoutMs });
    if (typeof body === 'string') {
      refuse(body === 'too slow' ? TOO_SLOW : TOO_LARGE);
      return undefined;
    }
    if (!belief.hasBody(body)) {
      tellDisbelief('altered');
      refuse(UNBELIEVED);
      return undefined;
    }
    const { caller: asking, ...operation } = REQUEST.parse(JSON.parse(body.toString('utf8')));
    const caller = readCaller(asking);
    if (caller === undefined) throw new TypeError('A signed request names no caller.');
    return { ...operation, caller };
  }

  async function execute(operation: Operation, response: ServerResponse): Promise<ExecutionResult> {
    const { query, variables, operationName, caller } = operation;
    const prepared = documents.prepare(query);
    if ('errors' in prepared) {
      return { errors: prepared.errors.map((error) => subgraph.present(error, caller)) };
    }
    const run = (signal: AbortSignal): Promise<ExecutionResult> =>
      subgraph.execute({
        document: prepared.document,
        variables: variables ?? undefined,
        operationName: operationName ?? undefined,
        caller,
        signal,
      });
    const { requestId, clientAddress, userAgent } = caller;
    const known = { ...currentRequest(), requestId, clientAddress, userAgent };
    return runInRequest(known, () =>
      within({ ms: limits.timeoutMs, left: clientLeft(response), timedOut }, (signal) =>
        turns ? turns.take(shareOf(caller.principal), () => run(signal), signal) : run(signal),
      ).catch((error: unknown) => ({
        errors: [subgraph.present(asGraphqlError(error), caller)],
      })),
    );
  }

  return {
    path,
    async handle(request, response) {
      const requestId = currentRequest()?.requestId ?? '';
      const operation = await admit(request, (refusal) =>
        sendRefusal(request, response, { ...refusal, requestId }),
      );
      if (operation === undefined) return;
      const followed = await follow({ subgraph, documents }, operation, clientLeft(response));
      if (followed !== undefined) return streams.send(followed, response);
      const { data, errors } = await execute(operation, response);
      sendJson(response, 200, { data, errors });
    },
    closeStreams: async () => streams.close(),
  };
}

interface Operation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly operationName?: string | null | undefined;
  readonly caller: Caller;
}

/** The results of a subscription; undefined for other operations, and for what is none. */
async function follow(
  { subgraph, documents }: { readonly subgraph: Subgraph; readonly documents: Documents },
  { query, variables, operationName, caller }: Operation,
  signal: AbortSignal,
): Promise<ResultStream | undefined> {
  const prepared = documents.prepare(query);
  if ('errors' in prepared) return undefined;
  const { document } = prepared;
  if (getOperationAST(document, operationName)?.operation !== 'subscription') return undefined;
  const started = await subgraph.subscribe({
    document,
    variables: variables ?? undefined,
    operationName: operationName ?? undefined,
    caller,
    signal,
  });
  return isResultStream(started) ? started : only(started);
}

type Refusal = Omit<Parameters<typeof sendRefusal>[2], 'requestId'>;

const UNBELIEVED = {
  status: 401,
  code: 'UNAUTHENTICATED',
  message: 'This path is for signed requests of the same installation.',
};
const OVERRUN = {
  status: 503,
  code: 'UNAVAILABLE',
  message: 'Too many requests in a minute.',
  headers: { 'retry-after': '1' },
};
const TOO_SLOW = { status: 408, code: 'REQUEST_TIMEOUT', message: 'The body did not come in time.' };
const TOO_LARGE = { status: 413, code: 'BODY_TOO_LARGE', message: 'The body is too large.' };

function timedOut(): CairnError {
  return new CairnError('TIMEOUT', 'The operation took too long and was ended.');
}

function asGraphqlError(error: unknown): GraphQLError {
  const originalError = error instanceof Error ? error : new Error(String(error));
  return error instanceof GraphQLError ? error : new GraphQLError(originalError.message, { originalError });
}

type Prepared = { readonly document: DocumentNode } | { readonly errors: readonly GraphQLError[] };

/** Documents of a planner: as many as there are plans. Long ones hold values, and come once. */
const DOCUMENTS_KEPT = 500;
const KEPT_CHARACTERS = 16_384;

/**
 * Parses and validates once. A gateway of another version may ask for what this one does not know yet: to execute
 * that unchecked would leave fields out without a word.
 */
class Documents {
  readonly #subgraph: Subgraph;
  readonly #kept = new Map<string, Prepared>();

  constructor(subgraph: Subgraph) {
    this.#subgraph = subgraph;
  }

  prepare(query: string): Prepared {
    const known = this.#kept.get(query);
    if (known !== undefined) this.#kept.delete(query);
    const prepared = known ?? this.#read(query);
    if ('document' in prepared && query.length <= KEPT_CHARACTERS) this.#kept.set(query, prepared);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > DOCUMENTS_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return prepared;
  }

  #read(query: string): Prepared {
    try {
      const document = parse(query, { noLocation: true });
      const errors = validate(this.#subgraph.schema, document);
      return errors.length > 0 ? { errors } : { document };
    } catch (error) {
      if (error instanceof GraphQLError) return { errors: [error] };
      throw error;
    }
  }
}
