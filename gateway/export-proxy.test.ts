import { afterEach, beforeEach, expect, test } from 'vitest';
import { CairnError } from '#domain/errors';
import { createExportProxy } from '#gateway/export-proxy';
import { sendError } from '#platform/http/answers';
import { Upstream } from '#platform/http/upstream';
import { serve } from '#test/federation/serve';

let open: AsyncDisposableStack;
beforeEach(() => {
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

async function proxied(...origins: string[]): Promise<string> {
  const log = { info: () => undefined, warn: () => undefined };
  const upstream = new Upstream({ name: 'events', origins, log });
  open.defer(() => upstream.close());
  const proxy = createExportProxy({ upstream, telemetry: { inject: () => ({ traceparent: 'trace' }) } });
  const served = await serve((request, response) =>
    proxy(request, response).catch((error: unknown) => {
      if (error instanceof CairnError) sendError(response, error, 'r-1');
      else throw error;
    }),
  );
  return open.use(served).origin;
}

test('hands on the link, the range and the answer, and no key', async () => {
  let seen: object = {};
  const behind = await serve(async (request, response) => {
    if (request.url === '/healthz') return void response.end();
    const { range, authorization, cookie } = request.headers;
    seen = { url: request.url, method: request.method, range, authorization, cookie };
    response.writeHead(206, { 'content-range': 'bytes 1-2/3', etag: '"e"', 'set-cookie': 'a=b' }).end('ab');
  });
  const origin = await proxied(open.use(behind).origin);
  const headers = { range: 'bytes=1-', authorization: 'Bearer secret', cookie: 'a=b' };
  const response = await fetch(`${origin}/v1/exports/x/file?token=t`, { headers });
  expect([response.status, await response.text()]).toEqual([206, 'ab']);
  expect(Object.fromEntries(response.headers)).toMatchObject({ 'content-range': 'bytes 1-2/3', etag: '"e"' });
  expect(response.headers.get('set-cookie')).toBeNull();
  expect(seen).toEqual({
    url: '/v1/exports/x/file?token=t',
    method: 'GET',
    range: 'bytes=1-',
    authorization: undefined,
    cookie: undefined,
  });
});

test('says that files cannot be had while no process answers', async () => {
  const origin = await proxied('http://127.0.0.1:1');
  const response = await fetch(`${origin}/v1/exports/x/file?token=t`);
  expect([response.status, await response.json()]).toMatchObject([503, { error: { code: 'UNAVAILABLE' } }]);
});
