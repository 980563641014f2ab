import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';

/** Ids of others go into logs and answers: short, and of harmless characters. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The client's own `x-request-id`, or a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

export interface BodyLimits {
  readonly bytes: number;
  /** Milliseconds until the last byte. */
  readonly ms: number;
}

/** The whole body, or why it was not read on. */
export async function readBody(
  request: IncomingMessage,
  { bytes, ms }: BodyLimits,
): Promise<Buffer | 'too large' | 'too slow'> {
  if (Number(request.headers['content-length'] ?? 0) > bytes) return 'too large';
  const { promise: late, resolve: giveUp } = Promise.withResolvers<'too slow'>();
  const timer = setTimeout(giveUp, ms, 'too slow');
  try {
    return await Promise.race([late, collect(request, bytes)]);
  } finally {
    clearTimeout(timer);
  }
}

async function collect(request: IncomingMessage, limit: number): Promise<Buffer | 'too large'> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length > limit) return 'too large';
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, length);
}

export interface DoorRefusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly requestId: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal before GraphQL has a say, in GraphQL's form: `{ errors: [...] }`. */
export function sendRefusal(request: IncomingMessage, response: ServerResponse, refusal: DoorRefusal): void {
  const { status, code, message, requestId, headers } = refusal;
  const type = request.headers.accept?.includes('application/graphql-response+json')
    ? 'application/graphql-response+json'
    : 'application/json';
  // What is left of a body that nobody reads would be taken for the connection's next request.
  const closing = request.complete ? {} : { connection: 'close' };
  response
    .writeHead(status, {
      ...headers,
      ...closing,
      'content-type': `${type}; charset=utf-8`,
      'x-request-id': requestId,
    })
    .end(JSON.stringify({ errors: [{ message, extensions: { code, requestId } }] }));
}

/** Aborted when the client is gone before the response is complete. */
export function clientLeft(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** A fetch response written to node's; a body is streamed as fast as the client takes it. */
export async function sendResponse(answer: Response, response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (!answer.body) {
    response.end();
    return;
  }
  await pipeline(answer.body, response);
}
