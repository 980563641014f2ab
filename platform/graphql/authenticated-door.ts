import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type BodyLimits,
  type DoorRefusal,
  clientLeft,
  readBody,
  requestIdOf,
  sendRefusal,
} from '#platform/graphql/http-door';
import type { ErrorLog, ExpectedFailure } from '#platform/graphql/present-error';
import { refuseSlowly } from '#platform/http/refuse-slowly';
import { type RequestContext, currentRequest, runInRequest, userAgentOf } from '#platform/request-context';

/** A request that was let in. */
export interface Visit<Principal> {
  readonly principal: Principal;
  readonly requestId: string;
  readonly clientAddress: string | undefined;
  readonly body: Buffer;
  /** Aborted when the client leaves before the answer is complete. */
  readonly left: AbortSignal;
}

export interface DoorParts<Principal> {
  /** Who asks, by the `Authorization` header; null for a missing, unknown, expired or revoked key. */
  readonly authenticate: (
    authorization: string | undefined,
    request: IncomingMessage,
  ) => Promise<Principal | null>;
  readonly body: BodyLimits;
  readonly log: ErrorLog;
  readonly expected: (cause: unknown) => ExpectedFailure | undefined;
}

type Answer<Principal> = (visit: Visit<Principal>) => Promise<void>;

interface Opened {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly known: RequestContext;
}

type Refuse = (refusal: Omit<DoorRefusal, 'requestId'>) => void;

/**
 * What every GraphQL door does before GraphQL: a request id, the key, the method, the body's size, in this order,
 * so that nobody without a key makes the process read a body.
 */
export class AuthenticatedDoor<Principal> {
  readonly #parts: DoorParts<Principal>;

  constructor(parts: DoorParts<Principal>) {
    if (typeof parts.authenticate !== 'function') {
      throw new TypeError('A GraphQL door does not open without a way to authenticate its callers.');
    }
    this.#parts = parts;
  }

  async open(request: IncomingMessage, response: ServerResponse, answer: Answer<Principal>): Promise<void> {
    // The server in front has told proxies from clients; alone, the door believes the socket.
    const known = currentRequest() ?? {
      requestId: requestIdOf(request),
      clientAddress: request.socket.remoteAddress,
      userAgent: userAgentOf(request.headers),
    };
    await runInRequest(known, () => this.#open({ request, response, known }, answer));
  }

  async #open({ request, response, known }: Opened, answer: Answer<Principal>): Promise<void> {
    const { requestId, clientAddress } = known;
    response.setHeader('x-request-id', requestId);
    const refuse: Refuse = (refusal) => sendRefusal(request, response, { ...refusal, requestId });
    const { log, expected } = this.#parts;
    try {
      const visitor = await this.#admit(request, refuse);
      if (!visitor) return;
      await answer({ ...visitor, requestId, clientAddress, left: clientLeft(response) });
    } catch (error) {
      const failure = expected(error);
      await refuseSlowly(failure?.status ?? INTERNAL.status);
      // The client is gone, or the server has answered for us (a body over its limit).
      if (response.destroyed || response.writableEnded) return;
      if (response.headersSent) {
        log.error({ err: error, requestId }, 'an answer broke off');
        response.destroy();
        return;
      }
      if (!failure) log.error({ err: error, requestId }, 'unexpected error');
      refuse(failure ? refusalOf(failure) : INTERNAL);
    }
  }

  async #admit(
    request: IncomingMessage,
    refuse: Refuse,
  ): Promise<Pick<Visit<Principal>, 'principal' | 'body'> | undefined> {
    const principal = await this.#parts.authenticate(request.headers.authorization, request);
    if (!principal) {
      refuse(UNAUTHENTICATED);
      return undefined;
    }
    if (request.method !== 'GET' && request.method !== 'POST') {
      refuse(METHOD_NOT_ALLOWED);
      return undefined;
    }
    const limits = this.#parts.body;
    const body = await readBody(request, limits);
    if (typeof body !== 'string') return { principal, body };
    if (body === 'too slow') refuse(BODY_TOO_SLOW);
    else refuse({ ...BODY_TOO_LARGE, message: `The body of a request may have ${limits.bytes} bytes.` });
    return undefined;
  }
}

const UNAUTHENTICATED = {
  status: 401,
  code: 'UNAUTHENTICATED',
  message: 'This needs a valid API key: Authorization: Bearer cairn_<id>_<secret>.',
  headers: { 'www-authenticate': 'Bearer realm="cairn"' },
};

const METHOD_NOT_ALLOWED = {
  status: 405,
  code: 'INVALID_ARGUMENT',
  message: 'GraphQL is asked with POST, or with GET for queries.',
  headers: { allow: 'GET, POST' },
};

const BODY_TOO_SLOW = {
  status: 408,
  code: 'REQUEST_TIMEOUT',
  message: 'The body did not come in time.',
};

const BODY_TOO_LARGE = { status: 413, code: 'BODY_TOO_LARGE' };

const INTERNAL = {
  status: 500,
  code: 'INTERNAL',
  message: 'Something went wrong here; it is logged under the request id.',
};

function refusalOf({ status, code, message, retryAfter }: ExpectedFailure): Omit<DoorRefusal, 'requestId'> {
  const headers = retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } };
  return { status, code, message, ...headers };
}
