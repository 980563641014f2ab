import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { CairnError } from '#domain/errors';
import { clientLeft } from '#platform/graphql/http-door';
import { type Upstream, UpstreamUnavailable } from '#platform/http/upstream';
import { currentRequest } from '#platform/request-context';
import type { Telemetry } from '#platform/telemetry';

interface ExportProxyParts {
  /** The processes that have the files. */
  readonly upstream: Upstream;
  readonly telemetry: Pick<Telemetry, 'inject'>;
}

/** What the door looks at; the link in the path says the rest. */
const FORWARDED = ['range', 'if-range'] as const;
const ANSWERED = [
  'content-type',
  'content-length',
  'content-disposition',
  'content-range',
  'accept-ranges',
  'etag',
  'cache-control',
  'retry-after',
] as const;
const SILENCE_MS = 120_000;

/** Files of exports at the gateway's address: handed on as they come and no faster than they are taken. */
export function createExportProxy({ upstream, telemetry }: ExportProxyParts) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const left = clientLeft(response);
    try {
      const answer = await upstream.use(
        (instance) =>
          instance.transfer({
            method: request.method === 'HEAD' ? 'HEAD' : 'GET',
            path: request.url ?? '/',
            headers: headersOf(request, telemetry),
            body: null,
            signal: left,
            headersTimeout: SILENCE_MS,
            bodyTimeout: SILENCE_MS,
          }),
        () => true,
      );
      const headers = ANSWERED.flatMap((name) => {
        const value = answer.headers[name];
        return value === undefined ? [] : [[name, value] as const];
      });
      response.writeHead(answer.statusCode, Object.fromEntries(headers));
      await pipeline(answer.body, response);
    } catch (error) {
      if (left.aborted || response.destroyed) return;
      if (!(error instanceof UpstreamUnavailable) || response.headersSent) throw error;
      throw new CairnError('UNAVAILABLE', 'Files cannot be had at the moment.', {
        retryAfter: 1,
        cause: error,
      });
    }
  };
}

function headersOf(
  request: IncomingMessage,
  telemetry: ExportProxyParts['telemetry'],
): Record<string, string> {
  const headers: Record<string, string> = { ...telemetry.inject() };
  const requestId = currentRequest()?.requestId;
  if (requestId !== undefined) headers['x-request-id'] = requestId;
  for (const name of FORWARDED) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return headers;
}
