import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type DoorRefusal,
  clientLeft,
  readBody,
  requestIdOf,
  sendRefusal,
} from '#platform/graphql/http-door';
import type { ErrorLog, ExpectedFailure } from '#platform/graphql/present-error';

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
  readonly authenticate: (authorization: string | undefined) => Promise<Principal | null>;
  readonly bodyBytes: number;
  readonly log: ErrorLog;
  readonly expected: (cause: unknown) => ExpectedFailure | undefined;
  /** Behind a trusted proxy the socket's address is the proxy's. Default: the socket's. */
  readonly clientAddress?: ((request: IncomingMessage) => string | undefined) | undefined;
}

type Answer<Principal> = (visit: Visit<Principal>) => Promise<void>;
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
    const requestId = requestIdOf(request);
    response.setHeader('x-request-id', requestId);
    const refuse: Refuse = (refusal) => sendRefusal(request, response, { ...refusal, requestId });
    const { log, expected, clientAddress = socketAddress } = this.#parts;
    try {
      const visitor = await this.#admit(request, refuse);
      if (!visitor) return;
      await answer({
        ...visitor,
        requestId,
        clientAddress: clientAddress(request),
        left: clientLeft(response),
      });
    } catch (error) {
      if (response.destroyed) return; // the client is gone
      if (response.headersSent) {
        log.error({ err: error, requestId }, 'an answer broke off');
        response.destroy();
        return;
      }
      const failure = expected(error);
      if (!failure) log.error({ err: error, requestId }, 'unexpected error');
      refuse(failure ? refusalOf(failure) : INTERNAL);
    }
  }

  async #admit(
    request: IncomingMessage,
    refuse: Refuse,
  ): Promise<Pick<Visit<Principal>, 'principal' | 'body'> | undefined> {
    const principal = await this.#parts.authenticate(request.headers.authorization);
    if (!principal) {
      refuse(UNAUTHENTICATED);
      return undefined;
    }
    if (request.method !== 'GET' && request.method !== 'POST') {
      refuse(METHOD_NOT_ALLOWED);
      return undefined;
    }
    const body = await readBody(request, this.#parts.bodyBytes);
    if (!body) {
      refuse({
        ...BODY_TOO_LARGE,
        message: `The body of a request may have ${this.#parts.bodyBytes} bytes.`,
      });
      return undefined;
    }
    return { principal, body };
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

function socketAddress(request: IncomingMessage): string | undefined {
  return request.socket.remoteAddress;
}
