import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * GraphiQL for a browser on this machine. The page is one file that loads nothing from elsewhere; it holds no
 * data and no key, so it is shown without one: the key goes into its header editor, which forgets it.
 */
const OPTIONS = {
  title: 'Cairn',
  favicon: 'data:,',
  endpoint: '/graphql',
  headers: '{\n  "Authorization": "Bearer cairn_<id>_<secret>"\n}',
  defaultEditorToolsVisibility: 'headers' as const,
  isHeadersEditorEnabled: true,
  shouldPersistHeaders: false,
  defaultQuery:
    '# Put an API key into the headers below, then load the schema again (the round arrow).\n' +
    '{\n  __typename\n}\n',
};

export function wantsGraphiql(request: IncomingMessage): boolean {
  return request.method === 'GET' && (request.headers.accept?.includes('text/html') ?? false);
}

/** From this machine, and by a name of this machine: a name that was rebound to it has no business here. */
export function isLoopback(request: IncomingMessage): boolean {
  const address = request.socket.remoteAddress ?? '';
  const local = address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
  return local && /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(request.headers.host ?? '');
}

export async function sendGraphiql(response: ServerResponse): Promise<void> {
  // 9 MB of text that most processes never need.
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const nonce = randomBytes(16).toString('base64');
  // The first only: the script itself holds that text in a string.
  const page = renderGraphiQL(OPTIONS).replace('<script>', `<script nonce="${nonce}">`);
  response
    .writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy(nonce),
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    })
    .end(page);
}

/** The page's own script and its workers (blobs of that script), answers from here, nothing from anywhere else. */
function policy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    'worker-src blob:',
    "style-src 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
