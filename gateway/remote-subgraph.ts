import { type DocumentNode, type ExecutionResult, GraphQLError, Kind, print } from 'graphql';
import { z } from 'zod';
import type { Caller } from '#domain/caller';
import { CairnError } from '#domain/errors';
import type { GatewaySubgraph } from '#gateway/subgraph';
import type { ErrorLog } from '#platform/graphql/present-error';
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
  };
}

/** Where a subgraph answers other processes of its installation. */
export function internalPath(name: string): string {
  return `/internal/${name}`;
}

async function ask(
  { name, keys, log, telemetry, timeoutMs }: RemoteParts,
  instance: Instance,
  { body, caller, signal }: Request & { readonly body: Buffer },
): Promise<ExecutionResult> {
  const target = { method: 'POST', host: instance.host, path: internalPath(name) } as const;
  const answer = await instance.request({
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
    bodyTimeout: timeoutMs,
  });
  if (answer.statusCode === 200) return resultOf(await answer.body.json());
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
  const { principal, requestId, clientAddress } = caller;
  const asking: Caller = { principal, requestId, clientAddress };
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
