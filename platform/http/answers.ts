import type { IncomingMessage, ServerResponse } from 'node:http';

/** A refusal of the door itself; rooms have errors of their own, of the same shape. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfter: number | undefined;

  constructor(status: number, code: string, message: string, retryAfter?: number) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export interface ExpectedError extends Error {
  readonly status: number;
  readonly code: string;
  readonly path?: string | undefined;
  readonly retryAfter?: number | undefined;
}

/** Errors that carry a status and a code of the catalog may be shown; all others are masked. */
export function isExpected(error: unknown): error is ExpectedError {
  return (
    error instanceof Error &&
    'status' in error &&
    typeof error.status === 'number' &&
    'code' in error &&
    typeof error.code === 'string'
  );
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) return;
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** `{error: {code, message, path?, requestId}}`, and Retry-After where another try makes sense. */
export function sendError(response: ServerResponse, error: ExpectedError, requestId: string): void {
  if (response.headersSent) {
    // Half an answer is out: cutting the connection is the only way left to say that it is not whole.
    response.destroy();
    return;
  }
  if (error.retryAfter !== undefined) response.setHeader('retry-after', Math.ceil(error.retryAfter));
  const { code, message, path } = error;
  sendJson(response, error.status, { error: { code, message, path, requestId } });
}

/** The whole body; at most what the route allows (BODY_TOO_LARGE is answered by the server). */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
