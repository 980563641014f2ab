import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { HttpError, isExpected } from '#platform/http/answers';
import type { RouteTable } from '#platform/http/routes';
import type { Log } from '#platform/log';

export interface UpgradeParts {
  readonly routes: RouteTable;
  readonly corsOrigins: readonly string[];
  readonly log: Pick<Log, 'debug' | 'error'>;
  readonly isDraining: () => boolean;
}

/** Hands a connection that wants to be a WebSocket to its route, or answers why not. */
export async function takeUpgrade(
  { routes, corsOrigins, log, isDraining }: UpgradeParts,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  // A client that breaks off meanwhile is its own affair; `ws` listens once the connection is its.
  const onError = (error: unknown): void => log.debug({ error }, 'a connection broke');
  socket.on('error', onError);
  try {
    if (isDraining()) throw new HttpError(503, 'UNAVAILABLE', 'This process stops.', 1);
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    const found = routes.find('GET', path);
    const upgrade = 'route' in found ? found.route.upgrade : undefined;
    if (upgrade === undefined) throw new HttpError(404, 'NOT_FOUND', 'There is no WebSocket at this path.');
    checkOrigin(request, corsOrigins);
    await upgrade(request, socket, head);
    socket.off('error', onError);
  } catch (error) {
    if (!isExpected(error)) log.error({ error }, 'an upgrade failed');
    const { status, code } = isExpected(error) ? error : { status: 500, code: 'INTERNAL' };
    refuse(socket, status, code);
  }
}

/** Browsers send the page's origin with WebSockets and ask nobody: the list for CORS decides here, too. */
function checkOrigin({ headers }: IncomingMessage, origins: readonly string[]): void {
  const { origin, host } = headers;
  if (origin === undefined || origins.includes(origin) || origins.includes('*')) return;
  if (URL.canParse(origin) && new URL(origin).host === host) return;
  throw new HttpError(403, 'FORBIDDEN', 'Pages of this origin may not connect.');
}

function refuse(socket: Duplex, status: number, code: string): void {
  if (socket.destroyed) return;
  const body = `${JSON.stringify({ error: { code } })}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${code}\r\ncontent-type: application/json\r\n` +
      `content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}
