import type { GatewayRuntime } from '@graphql-hive/gateway-runtime';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '#domain/caller';
import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import { GraphiqlPage, isLoopback, wantsGraphiql } from '#gateway/graphiql';
import type { DoorContext } from '#gateway/operation-context';
import { createRuntime } from '#gateway/runtime';
import type { GatewaySubgraph } from '#gateway/subgraph';
import { createSubscribe } from '#gateway/subscriptions';
import type { FairTurns } from '#platform/fair/fair-turns';
import type { TimeSlices } from '#platform/fair/time-slices';
import { AuthenticatedDoor, type Visit } from '#platform/graphql/authenticated-door';
import { sendResponse } from '#platform/graphql/http-door';
import { DEFAULT_LIMITS, type GraphqlLimits } from '#platform/graphql/limits';
import type { OperationCharge } from '#platform/graphql/operation-charge';
import { type ErrorLog, presentError } from '#platform/graphql/present-error';
import { wantsEvents } from '#platform/graphql/streams/sse-door';
import type { StreamCaps } from '#platform/graphql/streams/stream-caps';
import { type StreamDoors, createStreamDoors } from '#platform/graphql/streams/stream-doors';
import type { StreamKeys } from '#platform/graphql/streams/stream-gate';
import { currentRequest } from '#platform/request-context';
import type { Telemetry } from '#platform/telemetry';

export interface GatewayOptions {
  readonly subgraphs: readonly GatewaySubgraph[];
  /** Who asks, by the `Authorization` header; null for a missing, unknown, expired or revoked key. */
  readonly authenticate: (authorization: string | undefined) => Promise<Principal | null>;
  readonly log: ErrorLog;
  readonly limits?: Partial<GraphqlLimits>;
  /** What every operation costs its caller before it runs. */
  readonly charge?: OperationCharge<Principal> | undefined;
  /** What callers take in turn to run their operations; without it nobody waits. */
  readonly turns?: FairTurns | undefined;
  /** Shared with whatever else computes in the process. */
  readonly slices?: TimeSlices | undefined;
  /** GraphiQL for browsers on this machine; its page needs no key, its operations do. Default: true. */
  readonly graphiql?: boolean;
  /** For subscriptions; without it there are none here. */
  readonly streams?: { readonly keys: StreamKeys<Principal>; readonly caps: StreamCaps } | undefined;
  /** A span for every call of a subgraph. */
  readonly telemetry?: Pick<Telemetry, 'span'>;
  /** Hears whom an operation was forbidden before any subgraph was asked, and its first root field. */
  readonly onForbidden?: (caller: Caller, field: string) => void;
}

export interface Gateway {
  /** Answers every request to /graphql; resolves when the answer is out or the client gone. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  readonly upgrade: StreamDoors['upgrade'] | undefined;
  /** Ends the streams: nothing else would. */
  closeStreams(): Promise<void>;
  dispose(): Promise<void>;
}

/** Composes, plans and warms up: when this resolves, the first request is served like every other. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { subgraphs, authenticate, charge, log, graphiql = true } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const expected = (cause: unknown): CairnError | undefined =>
    cause instanceof CairnError ? cause : undefined;
  const doorParts = { body: { bytes: limits.bodyBytes, ms: limits.timeoutMs }, log, expected };
  const door = new AuthenticatedDoor({ authenticate, ...doorParts });
  const runtime = createRuntime({ ...options, limits });
  // Hive builds its schema and planner at first use; whoever came meanwhile would be turned away.
  const schema = await runtime.getSchema();
  await warmUp(runtime);
  const subscribe = createSubscribe({ subgraphs, schema, limits, charge, log });
  const streams =
    options.streams &&
    createStreamDoors(
      {
        ...options.streams,
        log,
        present: (error, { requestId }) => presentError(error, { requestId, log, expected }),
        start: (operation, visitor, signal) => subscribe(operation, callerOf(visitor), signal),
      },
      doorParts,
    );
  const page = new GraphiqlPage();
  return {
    async handle(request, response) {
      if (graphiql && wantsGraphiql(request) && isLoopback(request)) return page.send(response);
      if (streams && wantsEvents(request)) return streams.handle(request, response);
      return door.open(request, response, async (visit) => {
        await sendResponse(
          await runtime.fetch(toFetchRequest(request, visit.body), toContext(visit)),
          response,
        );
      });
    },
    upgrade: streams?.upgrade,
    closeStreams: async () => streams?.close(),
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

function toContext(visit: Visit<Principal>): DoorContext {
  return { caller: callerOf(visit), left: visit.left };
}

function callerOf({ principal, requestId, clientAddress }: Caller): Caller {
  return { principal, requestId, clientAddress, userAgent: currentRequest()?.userAgent };
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
