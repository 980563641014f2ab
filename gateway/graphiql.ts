import type { IncomingMessage, ServerResponse } from 'node:http';

export function wantsGraphiql(request: IncomingMessage): boolean {
  return request.method === 'GET' && (request.headers.accept?.includes('text/html') ?? false);
}

export function isLoopback(request: IncomingMessage): boolean {
  const address = request.socket.remoteAddress ?? '';
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

export function sendGraphiql(response: ServerResponse): void {
  response.writeHead(200).end('');
}
