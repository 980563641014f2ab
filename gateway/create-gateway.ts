import type { IncomingMessage, ServerResponse } from 'node:http';
import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import { isLoopback, sendGraphiql, wantsGraphiql } from '#gateway/graphiql';
import type { DoorContext } from '#gateway/operation-context';
import { createRuntime } from '#gateway/runtime';
import type { GatewaySubgraph } from '#gateway/subgraph';
import {
  type DoorRefusal,
  clientLeft,
  readBody,
  requestIdOf,
  sendRefusal,
  sendResponse,
} from '#platform/graphql/http-door';
import { DEFAULT_LIMITS, type GraphqlLimits } from '#platform/graphql/limits';
import type { ErrorLog } from '#platform/graphql/present-error';

/** Turns the `Authorization` header into who asks; null for a missing, unknown, expired or revoked key. */
export type Authenticate = (authorization: string | undefined) => Promise<Principal | null>;

export interface GatewayOptions {
  readonly subgraphs: readonly GatewaySubgraph[];
  readonly authenticate: Authenticate;
  readonly log: ErrorLog;
  readonly limits?: Partial<GraphqlLimits>;
  /** GraphiQL for browsers on this machine; its page needs no key, its operations do. Default: true. */
  readonly graphiql?: boolean;
  /** Behind a trusted proxy the socket's address is the proxy's. Default: the socket's. */
  readonly clientAddress?: (request: IncomingMessage) => string | undefined;
}

export interface Gateway {
  /** Answers every request to /graphql; resolves when the answer is out or the client gone. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  dispose(): Promise<void>;
}

/** Composes, plans and warms up: when this resolves, the first request is served like every other. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  if (typeof options.authenticate !== 'function') {
    throw new TypeError('The gateway does not start without a way to authenticate its callers.');
  }
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const runtime = createRuntime({ subgraphs: options.subgraphs, limits, log: options.log });
  // Hive builds its schema and planner at first use; whoever came meanwhile would be turned away.
  await runtime.getSchema();
  const door = new GatewayDoor(options, limits, (request, context) =>
    Promise.resolve(runtime.fetch(request, context)),
  );
  return {
    handle: (request, response) => door.handle(request, response),
    dispose: async () => {
      await runtime.dispose();
    },
  };
}

type Answer = (request: Request, context: DoorContext) => Promise<Response>;

class GatewayDoor {
  readonly #options: GatewayOptions;
  readonly #limits: GraphqlLimits;
  readonly #answer: Answer;

  constructor(options: GatewayOptions, limits: GraphqlLimits, answer: Answer) {
    this.#options = options;
    this.#limits = limits;
    this.#answer = answer;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#options.graphiql !== false && wantsGraphiql(request) && isLoopback(request)) {
      sendGraphiql(response);
      return;
    }
    const requestId = requestIdOf(request);
    response.setHeader('x-request-id', requestId);
    const refuse = (refusal: Omit<DoorRefusal, 'requestId'>): void =>
      sendRefusal(request, response, { ...refusal, requestId });
    try {
      const principal = await this.#options.authenticate(request.headers.authorization);
      if (!principal) {
        refuse(UNAUTHENTICATED);
        return;
      }
      const body = await readBody(request, this.#limits.bodyBytes);
      if (!body) {
        refuse({ ...BODY_TOO_LARGE, message: `A request's body may have ${this.#limits.bodyBytes} bytes.` });
        return;
      }
      const clientAddress = (this.#options.clientAddress ?? socketAddress)(request);
      const context = { caller: { principal, requestId, clientAddress }, left: clientLeft(response) };
      await sendResponse(await this.#answer(toFetchRequest(request, body), context), response);
    } catch (error) {
      if (response.headersSent || response.destroyed) {
        this.#options.log.error({ err: error, requestId }, 'an answer broke off');
        response.destroy();
        return;
      }
      if (!(error instanceof CairnError))
        this.#options.log.error({ err: error, requestId }, 'unexpected error');
      refuse(error instanceof CairnError ? refusalOf(error) : INTERNAL);
    }
  }
}

const UNAUTHENTICATED = {
  status: 401,
  code: 'UNAUTHENTICATED',
  message: 'This needs a valid API key: Authorization: Bearer cairn_<id>_<secret>.',
  headers: { 'www-authenticate': 'Bearer realm="cairn"' },
};

const BODY_TOO_LARGE = { status: 413, code: 'BODY_TOO_LARGE' };

const INTERNAL = {
  status: 500,
  code: 'INTERNAL',
  message: 'Something went wrong here; the log has it under the request id.',
};

function refusalOf({ status, code, message, retryAfter }: CairnError): Omit<DoorRefusal, 'requestId'> {
  return {
    status,
    code,
    message,
    ...(retryAfter === undefined ? {} : { headers: { 'retry-after': `${retryAfter}` } }),
  };
}

function socketAddress(request: IncomingMessage): string | undefined {
  return request.socket.remoteAddress;
}

/** Only what GraphQL over HTTP looks at: the planner has no use for cookies and keys. */
const FORWARDED = ['accept', 'content-type'] as const;

function toFetchRequest(request: IncomingMessage, body: Buffer): Request {
  const headers = new Headers();
  for (const name of FORWARDED) {
    const value = request.headers[name];
    if (value !== undefined) headers.set(name, value);
  }
  const method = request.method ?? 'GET';
  const search = new URL(request.url ?? '/', 'http://gateway').search;
  return new Request(`http://gateway/graphql${search}`, {
    method,
    headers,
    ...(method === 'GET' || method === 'HEAD' ? {} : { body: new Uint8Array(body) }),
  });
}
