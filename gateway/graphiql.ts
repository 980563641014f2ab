import { execFile } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';

/**
 * GraphiQL for a browser on this machine. The page is one file that loads nothing from elsewhere; it holds no
 * data and no key, so it is shown without one: the key goes into its header editor, which forgets it.
 */
const OPTIONS = {
  title: 'Cairn',
  favicon: 'data:,',
  endpoint: '/graphql',
  headers: '{\n  "Authorization": "Bearer cairn_<id>_<secret>"\n}',
  defaultEditorToolsVisibility: 'headers',
  isHeadersEditorEnabled: true,
  shouldPersistHeaders: false,
  defaultQuery: [
    '# 1. Put an API key into the headers below.',
    '# 2. Load the schema again: the round arrow, left.',
    '# 3. Run this. Docs of every field: the book, left.',
    '{',
    '  events(first: 5) {',
    '    edges {',
    '      node {',
    '        eventTime',
    '        eventName',
    '        username',
    '        sourceIPAddress',
    '      }',
    '    }',
    '  }',
    '}',
    '',
  ].join('\n'),
};

interface Page {
  readonly gzip: Uint8Array;
  /** SHA-256 of the page's only script, base64. */
  readonly scriptHash: string;
}

/**
 * The page is 9 MB of text, and making it takes 140 MB: a process of its own does it, when somebody looks, and
 * takes the memory with it when it ends. A line with the hash, then the page.
 */
const MAKE_PAGE = `
const { createHash } = require('node:crypto');
const { gzipSync } = require('node:zlib');
const [module, options] = process.argv.slice(1);
const page = require(module).renderGraphiQL(JSON.parse(options));
const script = page.slice(page.indexOf('<script>') + 8, page.lastIndexOf('</script>'));
process.stdout.write(createHash('sha256').update(script).digest('base64') + '\\n');
process.stdout.write(gzipSync(page));
`;

const MAX_PAGE_BYTES = 16 * 1024 * 1024;

export class GraphiqlPage {
  #page: Promise<Page> | undefined;

  async send(response: ServerResponse): Promise<void> {
    this.#page ??= makePage();
    const { gzip, scriptHash } = await this.#page.catch((error: unknown) => {
      this.#page = undefined; // the next one may have more luck
      throw error;
    });
    response
      .writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        // Whoever has GraphiQL's script has gzip.
        'content-encoding': 'gzip',
        'content-security-policy': policy(scriptHash),
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      })
      .end(gzip);
  }
}

async function makePage(): Promise<Page> {
  const module = createRequire(import.meta.url).resolve('@graphql-yoga/render-graphiql');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--eval', MAKE_PAGE, module, JSON.stringify(OPTIONS)],
    { encoding: 'buffer', maxBuffer: MAX_PAGE_BYTES },
  );
  const end = stdout.indexOf('\n');
  return { scriptHash: stdout.toString('latin1', 0, end), gzip: stdout.subarray(end + 1) };
}

export function wantsGraphiql(request: IncomingMessage): boolean {
  return request.method === 'GET' && (request.headers.accept?.includes('text/html') ?? false);
}

/** From this machine, and by a name of this machine: a name that was rebound to it has no business here. */
export function isLoopback(request: IncomingMessage): boolean {
  const address = request.socket.remoteAddress ?? '';
  const local = address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
  return local && /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(request.headers.host ?? '');
}

/** The page's own script and its workers (blobs of that script), answers from here, nothing from anywhere else. */
function policy(scriptHash: string): string {
  return [
    "default-src 'none'",
    `script-src 'sha256-${scriptHash}'`,
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
