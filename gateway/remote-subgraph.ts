import { type DocumentNode, type ExecutionResult, GraphQLError, Kind, print } from 'graphql';
import { z } from 'zod';
import type { Caller } from '#domain/caller';
import { CairnError } from '#domain/errors';
import type { GatewaySubgraph } from '#gateway/subgraph';
import { resultsOfLines } from '#gateway/remote-stream';
import { type ErrorLog, presentError } from '#platform/graphql/present-error';
import { LINE_KEEP_ALIVE_MS } from '#platform/graphql/streams/line-streams';
import { type ResultStream, startResults } from '#platform/graphql/streams/result-stream';
import type { Instance } from '#platform/http/instance';
import { NotTaken, type Upstream, UpstreamUnavailable } from '#platform/http/upstream';
import { type InternalKeys, signRequest } from '#platform/internal/request-signature';
import type { Telemetry } from '#platform/telemetry';

export interface RemoteParts {
  readonly name: string;
  readonly sdl: string;
  readonly upstream: Upstream;
  readonly keys: InternalKeys;
  readonly log: ErrorLog;
  readonly telemetry: Pick<Telemetry, 'inject'>;
  /** Milliseconds that one process may take to begin its answer. */
  readonly timeoutMs: number;
}

type Request = Parameters<GatewaySubgraph['execute']>[0];

/** Seconds after which a client may ask again when no process of a subgraph answers. */
const RETRY_SECONDS = 1;

const ANSWER = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z
    .array(
      z.object({
        message: z.string(),
        path: z.array(z.union([z.string(), z.number()])).optional(),
        extensions: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .optional(),
});

/**
 * A subgraph of other processes, asked over HTTP with signed requests (docs/formats/internal-requests.md). Queries
 * go to another process when one is lost on the way, mutations only when the first one surely has not begun.
 */
export function remoteSubgraph(parts: RemoteParts): GatewaySubgraph {
  const { name, sdl, upstream } = parts;
  return {
    name,
    sdl,
    async execute(request) {
      const repeatable = isQuery(request.document);
      const body = bodyOf(request);
      try {
        return await upstream.use(
          (instance) => ask(parts, instance, { ...request, body }),
          () => repeatable && !request.signal.aborted,
        );
      } catch (error) {
        if (error instanceof UpstreamUnavailable) return unavailable(name);
        throw error;
      }
    },
    subscribe: (request) => follow(parts, request),
  };
}

/** A subscription that one process was found for stays with it; when it is lost, the client asks again. */
async function follow(parts: RemoteParts, request: Request): Promise<ResultStream | ExecutionResult> {
  const { name, upstream, log } = parts;
  const { signal, caller } = request;
  const start = async (ended: AbortSignal): Promise<AsyncIterable<ExecutionResult> | ExecutionResult> => {
    const body = bodyOf(request);
    const open = async (instance: Instance): Promise<AsyncIterable<Uint8Array>> => {
      const answer = await post(parts, instance, { caller, body, signal: ended, isStream: true });
      return answer.body;
    };
    try {
      return resultsOfLines(await upstream.use(open, () => !ended.aborted), resultOf);
    } catch (error) {
      if (error instanceof UpstreamUnavailable) return unavailable(name);
      throw error;
    }
  };
  const expected = (cause: unknown): CairnError | undefined =>
    cause instanceof CairnError ? cause : undefined;
  const present = (error: GraphQLError): GraphQLError =>
    presentError(error, { requestId: caller.requestId, log, expected });
  return startResults(start, { signal, present });
}

/** Where a subgraph answers other processes of its installation. */
export function internalPath(name: string): string {
  return `/internal/${name}`;
}

async function ask(
  parts: RemoteParts,
  instance: Instance,
  { body, caller, signal }: Request & { readonly body: Buffer },
): Promise<ExecutionResult> {
  const answer = await post(parts, instance, { body, caller, signal, isStream: false });
  return resultOf(await answer.body.json());
}

interface Posted extends Pick<Request, 'caller' | 'signal'> {
  readonly body: Buffer;
  readonly isStream: boolean;
}

/** An answer with 200. @throws NotTaken */
async function post(
  { name, keys, log, telemetry, timeoutMs }: RemoteParts,
  instance: Instance,
  { body, caller, signal, isStream }: Posted,
): Promise<Awaited<ReturnType<Instance['request']>>> {
  const target = { method: 'POST', host: instance.host, path: internalPath(name) } as const;
  const request = {
    method: target.method,
    path: target.path,
    headers: {
      'content-type': 'application/json',
      'x-request-id': caller.requestId,
      ...telemetry.inject(),
      ...signRequest(keys, { ...target, body }),
    },
    body,
    signal,
    headersTimeout: timeoutMs,
    bodyTimeout: isStream ? LINE_KEEP_ALIVE_MS * 3 : timeoutMs,
  };
  const answer = await (isStream ? instance.stream(request) : instance.request(request));
  if (answer.statusCode === 200) return answer;
  await answer.body.dump();
  if (answer.statusCode === 503) throw new NotTaken(answer.statusCode);
  if (answer.statusCode === 401) {
    log.error(
      { subgraph: name, origin: instance.origin },
      'a subgraph does not believe this gateway: their keys (CAIRN_INTERNAL_KEY, master key) or clocks differ',
    );
    throw new NotTaken(answer.statusCode);
  }
  throw new Error(`The subgraph ${name} at ${instance.origin} answered with ${answer.statusCode}.`);
}

function bodyOf({ document, variables, operationName, caller }: Request): Buffer {
  const { principal, requestId, clientAddress, userAgent } = caller;
  const asking: Caller = { principal, requestId, clientAddress, userAgent };
  return Buffer.from(JSON.stringify({ caller: asking, query: textOf(document), variables, operationName }));
}

/** The subgraph has presented its errors: their codes and words may be shown. */
function resultOf(value: unknown): ExecutionResult {
  const { data, errors } = ANSWER.parse(value);
  return {
    ...(data === undefined ? {} : { data }),
    ...(errors && {
      errors: errors.map(({ message, path, extensions }) => new GraphQLError(message, { path, extensions })),
    }),
  };
}

function unavailable(name: string): ExecutionResult {
  const { code, message } = new CairnError(
    'UNAVAILABLE',
    `The subgraph ${name} does not answer at the moment.`,
  );
  return {
    data: null,
    errors: [new GraphQLError(message, { extensions: { code, retryAfter: RETRY_SECONDS } })],
  };
}

function isQuery({ definitions }: DocumentNode): boolean {
  return definitions.every((one) => one.kind !== Kind.OPERATION_DEFINITION || one.operation === 'query');
}

/** The planner hands the same document over for the same plan. */
const texts = new WeakMap<DocumentNode, string>();

function textOf(document: DocumentNode): string {
  const known = texts.get(document);
  if (known !== undefined) return known;
  const text = print(document);
  texts.set(document, text);
  return text;
}
