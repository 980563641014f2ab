import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CairnError } from '#domain/errors';
import { clientLeft } from '#platform/graphql/http-door';
import { type Upstream, UpstreamUnavailable } from '#platform/http/upstream';
import { currentRequest } from '#platform/request-context';
import type { Telemetry } from '#platform/telemetry';

export interface BulkProxyParts {
  /** The processes that have the bulk door. */
  readonly upstream: Upstream;
  readonly telemetry: Pick<Telemetry, 'inject'>;
}

export type BulkProxy = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** What the door looks at. The key is checked there; nothing else of the request concerns it. */
const FORWARDED = ['authorization', 'content-type', 'content-encoding', 'content-length'] as const;
const ANSWERED = ['content-type', 'content-length', 'retry-after', 'www-authenticate'] as const;

/** The door answers when the last event is durable, and is never silent for so long before. */
const SILENCE_MS = 120_000;
/** As long as the door itself reads on after a refusal, so that the answer is not lost. */
const LINGER_MS = 2_000;
const RETRY_SECONDS = 1;

/** The client broke off: no fault of the process that was being sent to. */
class ClientGone extends Error {
  constructor(cause: unknown) {
    super('The client broke off.', { cause });
    this.name = 'ClientGone';
  }
}

/**
 * The bulk door of other processes at the gateway's address. Bodies are handed on as they come and no faster than
 * they are taken; nothing of them is kept, so that another process is tried only while nothing was sent.
 */
export function createBulkProxy({ upstream, telemetry }: BulkProxyParts): BulkProxy {
  return async (request, response) => {
    const left = clientLeft(response);
    let [begun, broken] = [false, false];
    async function* body(): AsyncGenerator<Uint8Array> {
      begun = true;
      try {
        for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
      } catch (error) {
        broken = true;
        throw error;
      }
    }
    try {
      const answer = await upstream.use(
        async (instance) => {
          try {
            return await instance.transfer({
              method: 'POST',
              path: request.url ?? '/',
              headers: headersOf(request, telemetry),
              body: hasBody(request) ? Readable.from(body(), { objectMode: false }) : null,
              signal: left,
              headersTimeout: SILENCE_MS,
              bodyTimeout: SILENCE_MS,
            });
          } catch (error) {
            throw left.aborted || broken ? new ClientGone(error) : error;
          }
        },
        () => !begun,
      );
      const headers = ANSWERED.flatMap((name) => {
        const value = answer.headers[name];
        return value === undefined ? [] : [[name, value] as const];
      });
      response.writeHead(answer.statusCode, {
        ...Object.fromEntries(headers),
        ...(request.complete ? {} : { connection: 'close' }),
      });
      await pipeline(answer.body, response);
    } catch (error) {
      // Nobody is left to answer, or the server has answered for us (a body over its limit).
      if (error instanceof ClientGone || response.destroyed || response.headersSent) return;
      if (!(error instanceof UpstreamUnavailable)) throw error;
      throw new CairnError(
        'UNAVAILABLE',
        'Events cannot be recorded at the moment; sending the same body again is safe.',
        { retryAfter: RETRY_SECONDS, cause: error },
      );
    } finally {
      linger(request);
    }
  };
}

function headersOf(request: IncomingMessage, telemetry: BulkProxyParts['telemetry']): Record<string, string> {
  const headers: Record<string, string> = { ...telemetry.inject() };
  const requestId = currentRequest()?.requestId;
  if (requestId !== undefined) headers['x-request-id'] = requestId;
  for (const name of FORWARDED) {
    const value = request.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Closing a connection with unread bytes resets it, and the sender loses the answer; waiting has an end, too. */
function linger(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  timer.unref();
  request.socket.once('close', () => clearTimeout(timer));
  request.once('end', () => clearTimeout(timer));
  request.resume();
}
