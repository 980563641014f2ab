import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  ApolloServer,
  type ApolloServerPlugin,
  HeaderMap,
  type HTTPGraphQLRequest,
  type HTTPGraphQLResponse,
} from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { type ASTVisitor, GraphQLError, type ValidationContext } from 'graphql';
import { CairnError } from '#domain/errors';
import { type Principal, shareOf } from '#domain/principal';
import type { FairTurns } from '#platform/fair/fair-turns';
import { AuthenticatedDoor, type DoorParts, type Visit } from '#platform/graphql/authenticated-door';
import { checkDocumentShape } from '#platform/graphql/document-shape';
import { DEFAULT_LIMITS, type GraphqlLimits } from '#platform/graphql/limits';
import {
  type OperationCharge,
  chargeOperation,
  retryAfterOf,
  tooManyRequests,
} from '#platform/graphql/operation-charge';
import { checkOperationCost } from '#platform/graphql/operation-cost';
import type { ErrorLog } from '#platform/graphql/present-error';
import { wantsEvents } from '#platform/graphql/streams/sse-door';
import type { StreamCaps } from '#platform/graphql/streams/stream-caps';
import { type StreamDoors, createStreamDoors } from '#platform/graphql/streams/stream-doors';
import type { StreamKeys } from '#platform/graphql/streams/stream-gate';
import { prepareSubscription } from '#platform/graphql/streams/subscription-operation';
import { checkSourceDepth } from '#platform/graphql/source-depth';
import { checkVariables } from '#platform/graphql/variables-depth';
import { currentRequest } from '#platform/request-context';
import { within } from '#platform/graphql/within';
import type { Subgraph } from '#subgraphs/shared/build-subgraph';
import type { SubgraphContext } from '#subgraphs/shared/context';
import { expectedFailure } from '#subgraphs/shared/expected-failure';

export interface SubgraphDoorOptions {
  readonly subgraph: Subgraph;
  readonly authenticate: (authorization: string | undefined) => Promise<Principal | null>;
  readonly log: ErrorLog;
  readonly limits?: Partial<GraphqlLimits>;
  /** What every operation costs its caller before it runs. */
  readonly charge?: OperationCharge<Principal> | undefined;
  /** What callers take in turn to run their operations; without it nobody waits. */
  readonly turns?: FairTurns | undefined;
  /** For subscriptions; without it there are none here. */
  readonly streams?: StreamAccess | undefined;
}

/** Who may open streams, and how many there may be. */
export interface StreamAccess {
  readonly keys: StreamKeys<Principal>;
  readonly caps: StreamCaps;
}

export interface SubgraphDoor {
  /** `/subgraphs/<name>/graphql` */
  readonly path: string;
  /** Resolves when the answer is out or the client gone, never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  readonly upgrade: StreamDoors['upgrade'] | undefined;
  /** Ends the streams: nothing else would. */
  closeStreams(): Promise<void>;
  dispose(): Promise<void>;
}

/** One subgraph over HTTP, for a gateway in another process: the gateway's key check and limits hold here too. */
export async function createSubgraphDoor(options: SubgraphDoorOptions): Promise<SubgraphDoor> {
  const { subgraph, authenticate, charge, turns, log } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const server = createServer(subgraph, { limits, charge, log });
  await server.start();
  const doorParts = {
    body: { bytes: limits.bodyBytes, ms: limits.timeoutMs },
    log,
    expected: expectedFailure,
  };
  const door = new AuthenticatedDoor({ authenticate, ...doorParts });
  const streams = options.streams && openStreams(subgraph, { ...options.streams, limits, charge, doorParts });

  function answer(
    httpGraphQLRequest: HTTPGraphQLRequest,
    visit: Visit<Principal>,
  ): Promise<HTTPGraphQLResponse> {
    const run = (signal: AbortSignal): Promise<HTTPGraphQLResponse> =>
      server.executeHTTPGraphQLRequest({
        httpGraphQLRequest,
        context: async () => subgraph.contextFor(visit, signal),
      });
    return within({ ms: limits.timeoutMs, left: visit.left, timedOut }, (signal) =>
      turns ? turns.take(shareOf(visit.principal), () => run(signal), signal) : run(signal),
    );
  }

  return {
    path: `/subgraphs/${subgraph.name}/graphql`,
    handle: (request, response) =>
      streams && wantsEvents(request)
        ? streams.handle(request, response)
        : door.open(request, response, async (visit) => {
            const asked = toApolloRequest(request, visit.body);
            refuseDepth(asked, limits);
            send(await answer(asked, visit), response);
          }),
    upgrade: streams?.upgrade,
    closeStreams: async () => streams?.close(),
    dispose: () => server.stop(),
  };
}

interface SubgraphStreams extends StreamAccess {
  readonly limits: GraphqlLimits;
  readonly charge: SubgraphDoorOptions['charge'];
  readonly doorParts: Omit<DoorParts<Principal>, 'authenticate'>;
}

function openStreams(
  subgraph: Subgraph,
  { keys, caps, limits, charge, doorParts }: SubgraphStreams,
): StreamDoors {
  const { log } = doorParts;
  const present = subgraph.present.bind(subgraph);
  return createStreamDoors(
    {
      keys,
      caps,
      log,
      present,
      async start(operation, visitor, signal) {
        const prepared = prepareSubscription(subgraph.schema, operation, limits);
        if ('errors' in prepared) return { errors: prepared.errors.map((error) => present(error, visitor)) };
        const unpaid = chargeOperation(charge, visitor.principal, prepared.cost);
        if (unpaid) return { errors: [present(unpaid, visitor)] };
        return subgraph.subscribe({
          document: prepared.document,
          variables: operation.variables ?? undefined,
          operationName: operation.operationName ?? undefined,
          caller: visitor,
          signal,
        });
      },
    },
    doorParts,
  );
}

interface ServerParts {
  readonly limits: GraphqlLimits;
  readonly charge: SubgraphDoorOptions['charge'];
  readonly log: ErrorLog;
}

function createServer(
  subgraph: Subgraph,
  { limits, charge, log }: ServerParts,
): ApolloServer<SubgraphContext> {
  return new ApolloServer<SubgraphContext>({
    schema: subgraph.schema,
    introspection: true,
    csrfPrevention: true,
    persistedQueries: false,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: limits.tokens },
    validationRules: [shapeRule(limits)],
    logger: apolloLogger(log),
    plugins: [
      costPlugin(limits, charge),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
    ],
    formatError(formatted, error) {
      // Apollo does not tell whose error it formats.
      const requestId = currentRequest()?.requestId ?? '';
      const { message, extensions } = subgraph.present(asGraphQLError(error), { requestId });
      const { http: _http, ...shown } = extensions;
      return { ...formatted, message, extensions: shown };
    },
  });
}

function timedOut(): CairnError {
  return new CairnError('TIMEOUT', 'The operation took too long and was ended.');
}

function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  return new GraphQLError('unexpected', {
    originalError: error instanceof Error ? error : new Error(String(error)),
  });
}

function shapeRule(limits: GraphqlLimits) {
  return (context: ValidationContext): ASTVisitor => ({
    Document: (document) => {
      for (const error of checkDocumentShape(document, limits)) context.reportError(error);
    },
  });
}

function costPlugin(
  limits: GraphqlLimits,
  charge: SubgraphDoorOptions['charge'],
): ApolloServerPlugin<SubgraphContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ schema, document, operation, request, contextValue }) {
          if (!operation) return; // Apollo words this one
          if (operation.operation === 'subscription') {
            throw new CairnError(
              'INVALID_ARGUMENT',
              'Subscriptions are asked with `accept: text/event-stream`, or over WebSocket (graphql-transport-ws).',
            );
          }
          const costed = { schema, document, operation, variables: request.variables ?? {} };
          const [tooDeep] = checkVariables(costed.variables, limits);
          if (tooDeep) throw tooDeep;
          const { cost, errors } = checkOperationCost(costed, limits);
          const [error = chargeOperation(charge, contextValue.principal, cost)] = errors;
          if (error) throw error;
        },
        async willSendResponse({ response: { body, http } }) {
          const retryAfter = body.kind === 'single' ? retryAfterOf(body.singleResult) : undefined;
          if (retryAfter === undefined) return;
          const { status, headers } = tooManyRequests(retryAfter);
          http.status = status;
          for (const [name, value] of Object.entries(headers)) http.headers.set(name, value);
        },
      };
    },
  };
}

function apolloLogger(log: ErrorLog) {
  const quiet = (): void => undefined;
  const loud = (message: unknown): void => log.error({ apollo: String(message) }, 'subgraph door');
  return { debug: quiet, info: quiet, warn: loud, error: loud };
}

function toApolloRequest(request: IncomingMessage, body: Buffer): HTTPGraphQLRequest {
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && name !== 'authorization') headers.set(name, String(value));
  }
  const { search } = new URL(request.url ?? '/', 'http://subgraph');
  return { method: request.method ?? 'GET', headers, search, body: parsed(request, body) };
}

/** Apollo has no place for it before it parses. */
function refuseDepth({ body, search }: HTTPGraphQLRequest, limits: GraphqlLimits): void {
  const posted = typeof body === 'object' && body !== null && 'query' in body ? body.query : undefined;
  for (const query of [posted, new URLSearchParams(search).get('query')]) {
    const [tooDeep] = typeof query === 'string' ? checkSourceDepth(query, limits) : [];
    if (tooDeep) throw new CairnError('LIMIT_EXCEEDED', tooDeep.message);
  }
}

function parsed(request: IncomingMessage, body: Buffer): unknown {
  if (request.method !== 'POST' || !request.headers['content-type']?.startsWith('application/json'))
    return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new CairnError('INVALID_JSON', 'The body of the request is not JSON.', { cause });
  }
}

function send({ status, headers, body }: HTTPGraphQLResponse, response: ServerResponse): void {
  // Chunks belong to @defer, which no subgraph speaks.
  if (body.kind !== 'complete') throw new TypeError('An answer came in chunks.');
  response.writeHead(status ?? 200, Object.fromEntries(headers)).end(body.string);
}
