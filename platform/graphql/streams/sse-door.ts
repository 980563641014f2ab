import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { AuthenticatedDoor, type DoorParts, type Visit } from '#platform/graphql/authenticated-door';
import { isStream } from '#platform/graphql/streams/result-stream';
import type { StreamGate } from '#platform/graphql/streams/stream-gate';
import {
  type StreamOperation,
  readOperation,
  refused,
} from '#platform/graphql/streams/subscription-operation';
import { writeSlowly } from '#platform/http/write-slowly';

/** Below the time after which proxies give a silent connection up. */
const KEEP_ALIVE_MS = 15_000;

/** Whether a request asks for server-sent events. */
export function wantsEvents({ headers }: IncomingMessage): boolean {
  return headers.accept?.includes('text/event-stream') === true;
}

/**
 * Subscriptions as server-sent events: the distinct connections mode of graphql-sse's protocol. POST with a JSON
 * body, or GET with `query`, `variables` and `operationName` in the URL; `ticket` there stands in for the header.
 */
export class SseDoor<Principal extends { readonly keyId: string }> {
  readonly #gate: StreamGate<Principal>;
  readonly #door: AuthenticatedDoor<Principal>;
  readonly #open = new Set<ServerResponse>();

  constructor(gate: StreamGate<Principal>, parts: Omit<DoorParts<Principal>, 'authenticate'>) {
    this.#gate = gate;
    const { keys } = gate.parts;
    this.#door = new AuthenticatedDoor({
      ...parts,
      authenticate: (authorization, request) => {
        const ticket = authorization === undefined ? ticketOf(request) : undefined;
        return ticket === undefined ? keys.authenticate(authorization) : keys.redeem(ticket);
      },
    });
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#door.open(request, response, async (visit) => {
      const operation = operationOf(request, visit.body);
      const result = operation
        ? await this.#gate.open(operation, visit, visit.left)
        : { errors: [this.#gate.parts.present(refused(NO_OPERATION), visit)] };
      await this.#send(result, response, visit);
    });
  }

  /** Ends all answers without saying that they are complete: their clients ask again, elsewhere. */
  close(): void {
    for (const response of this.#open) response.destroy();
  }

  async #send(
    result: AsyncIterable<ExecutionResult> | ExecutionResult,
    response: ServerResponse,
    { left }: Visit<Principal>,
  ): Promise<void> {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // nginx would collect events otherwise
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    this.#open.add(response);
    const alive = setInterval(() => response.write(':\n\n'), KEEP_ALIVE_MS);
    try {
      for await (const one of isStream(result) ? result : [result]) {
        await writeSlowly(response, `event: next\ndata: ${JSON.stringify(one)}\n\n`, left);
      }
      if (!left.aborted) response.end('event: complete\ndata:\n\n');
    } finally {
      clearInterval(alive);
      this.#open.delete(response);
    }
  }
}

const NO_OPERATION =
  'A stream needs an operation: JSON with query, variables and operationName, or the same in the URL.';

function ticketOf({ url = '/' }: IncomingMessage): string | undefined {
  return new URL(url, 'http://door').searchParams.get('ticket') ?? undefined;
}

function operationOf(request: IncomingMessage, body: Buffer): StreamOperation | undefined {
  try {
    if (request.method === 'POST') return readOperation(JSON.parse(body.toString('utf8')));
    const { searchParams } = new URL(request.url ?? '/', 'http://door');
    const variables = searchParams.get('variables');
    return readOperation({
      query: searchParams.get('query'),
      operationName: searchParams.get('operationName'),
      variables: variables === null ? null : JSON.parse(variables),
    });
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
