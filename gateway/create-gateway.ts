import type { GatewayRuntime } from '@graphql-hive/gateway-runtime';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import { GraphiqlPage, isLoopback, wantsGraphiql } from '#gateway/graphiql';
import type { DoorContext } from '#gateway/operation-context';
import { createRuntime } from '#gateway/runtime';
import type { GatewaySubgraph } from '#gateway/subgraph';
import { AuthenticatedDoor, type Visit } from '#platform/graphql/authenticated-door';
import { sendResponse } from '#platform/graphql/http-door';
import { DEFAULT_LIMITS, type GraphqlLimits } from '#platform/graphql/limits';
import type { ErrorLog } from '#platform/graphql/present-error';
import type { Telemetry } from '#platform/telemetry';

export interface GatewayOptions {
  readonly subgraphs: readonly GatewaySubgraph[];
  /** Who asks, by the `Authorization` header; null for a missing, unknown, expired or revoked key. */
  readonly authenticate: (authorization: string | undefined) => Promise<Principal | null>;
  readonly log: ErrorLog;
  readonly limits?: Partial<GraphqlLimits>;
  /** GraphiQL for browsers on this machine; its page needs no key, its operations do. Default: true. */
  readonly graphiql?: boolean;
  /** A span for every call of a subgraph. */
  readonly telemetry?: Pick<Telemetry, 'span'>;
}

export interface Gateway {
  /** Answers every request to /graphql; resolves when the answer is out or the client gone. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  dispose(): Promise<void>;
}

/** Composes, plans and warms up: when this resolves, the first request is served like every other. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { subgraphs, authenticate, log, telemetry, graphiql = true } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const expected = (cause: unknown): CairnError | undefined =>
    cause instanceof CairnError ? cause : undefined;
  const door = new AuthenticatedDoor({
    authenticate,
    body: { bytes: limits.bodyBytes, ms: limits.timeoutMs },
    log,
    expected,
  });
  const runtime = createRuntime({ subgraphs, limits, log, telemetry });
  // Hive builds its schema and planner at first use; whoever came meanwhile would be turned away.
  await runtime.getSchema();
  await warmUp(runtime);
  const page = new GraphiqlPage();
  return {
    async handle(request, response) {
      if (graphiql && wantsGraphiql(request) && isLoopback(request)) return page.send(response);
      return door.open(request, response, async (visit) => {
        await sendResponse(
          await runtime.fetch(toFetchRequest(request, visit.body), toContext(visit)),
          response,
        );
      });
    },
    async dispose() {
      await runtime.dispose();
    },
  };
}

/** One operation down the whole road: what is loaded at first use is loaded before anyone waits for it. */
async function warmUp(runtime: GatewayRuntime): Promise<void> {
  const principal = { keyId: 'warm-up', role: 'auditor', accounts: [] } as const;
  const caller = { principal, requestId: 'warm-up', clientAddress: undefined };
  const context: DoorContext = { caller, left: new AbortController().signal };
  const response = await runtime.fetch(new Request('http://gateway/graphql?query={__typename}'), context);
  if (!response.ok) throw new Error(`The gateway does not answer: ${await response.text()}`);
}

function toContext({ principal, requestId, clientAddress, left }: Visit<Principal>): DoorContext {
  return { caller: { principal, requestId, clientAddress }, left };
}

/** Only what GraphQL over HTTP looks at: the planner has no use for cookies and keys. */
const FORWARDED = ['accept', 'content-type'] as const;

function toFetchRequest(request: IncomingMessage, body: Buffer): Request {
  const headers = new Headers();
  for (const name of FORWARDED) {
    const value = request.headers[name];
    if (value !== undefined) headers.set(name, value);
  }
  const { search } = new URL(request.url ?? '/', 'http://gateway');
  const content = request.method === 'POST' ? { body: new Uint8Array(body) } : {};
  return new Request(`http://gateway/graphql${search}`, {
    method: request.method ?? 'GET',
    headers,
    ...content,
  });
}
