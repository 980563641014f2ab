import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpRequest } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { createBulkProxy } from '#gateway/bulk-proxy';
import { Upstream } from '#platform/http/upstream';
import { sendError } from '#platform/http/answers';
import { CairnError } from '#domain/errors';
import { serve } from '#test/federation/serve';

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

async function endAtOnce(response: ServerResponse): Promise<void> {
  response.end();
}

async function served(handle: Handle): Promise<string> {
  const one = await serve((request, response) =>
    request.url === '/healthz' ? endAtOnce(response) : handle(request, response),
  );
  opened.push(async () => {
    await one[Symbol.asyncDispose]();
  });
  return one.origin;
}

/** A gateway in front of these. */
async function proxied(
  ...origins: string[]
): Promise<{ readonly origin: string; readonly upstream: Upstream }> {
  const upstream = new Upstream({
    name: 'events',
    origins,
    log: { info: () => undefined, warn: () => undefined },
  });
  opened.push(() => upstream.close());
  const proxy = createBulkProxy({ upstream, telemetry: { inject: () => ({ traceparent: 'trace' }) } });
  const origin = await served((request, response) =>
    proxy(request, response).catch((error: unknown) => {
      if (error instanceof CairnError) sendError(response, error, 'r-1');
      else throw error;
    }),
  );
  return { origin, upstream };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function post(origin: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${origin}/v1/events?account=1`, { method: 'POST', body, headers });
}

test('path, body and the headers that the door looks at come through, and so does the answer', async () => {
  let heard: IncomingMessage | undefined;
  let text = '';
  const door = await served(async (request, response) => {
    heard = request;
    text = (await bodyOf(request)).toString();
    response.setHeader('retry-after', '7');
    response.writeHead(429, { 'content-type': 'application/json' }).end('{"received":1}');
  });
  const { origin } = await proxied(door);
  const answer = await post(origin, 'one\ntwo', {
    authorization: 'Bearer key',
    'content-type': 'application/x-ndjson',
    cookie: 'a=b',
    'x-cairn-signature': 'v=1',
  });
  expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toEqual([
    429,
    '7',
    { received: 1 },
  ]);
  expect(heard?.url).toBe('/v1/events?account=1');
  expect(text).toBe('one\ntwo');
  expect(heard?.headers).toMatchObject({
    authorization: 'Bearer key',
    'content-type': 'application/x-ndjson',
    'content-length': '7',
    traceparent: 'trace',
  });
  expect(heard?.headers).not.toHaveProperty('cookie');
  expect(heard?.headers).not.toHaveProperty('x-cairn-signature');
});

test('a body is handed on while it comes in, and held back when it is not taken', async () => {
  const got = Promise.withResolvers<IncomingMessage>();
  const door = await served(async (request) => {
    got.resolve(request);
  });
  const { origin } = await proxied(door);
  const sent = httpRequest(`${origin}/v1/events`, { method: 'POST' });
  sent.on('error', () => undefined);
  sent.write('first');
  const received = await got.promise;
  const [first] = (await once(received, 'data')) as [Buffer];
  expect(first.toString()).toBe('first');
  received.pause();
  // What every buffer on the way takes, many times over: without back-pressure it would all be written.
  const chunk = Buffer.alloc(256 * 1024);
  let written = 0;
  let waited = false;
  for (let i = 0; i < 400 && !waited; i++) {
    if (!sent.write(chunk)) {
      waited = await Promise.race([
        once(sent, 'drain').then(() => false),
        new Promise<boolean>((resolve) => setTimeout(resolve, 500, true)),
      ]);
    }
    written += chunk.length;
  }
  expect(waited).toBe(true);
  expect(written).toBeLessThan(100 * 1024 * 1024);
  sent.destroy();
  received.on('error', () => undefined).resume();
  await new Promise((resolve) => received.once('close', resolve));
});

test('an answer that comes before the end of the body reaches the client', async () => {
  const door = await served(async (_, response) => {
    response
      .writeHead(401, { 'content-type': 'application/json' })
      .end('{"error":{"code":"UNAUTHENTICATED"}}');
  });
  const { origin, upstream } = await proxied(door);
  const sent = httpRequest(`${origin}/v1/events`, { method: 'POST' });
  sent.on('error', () => undefined);
  sent.write('{"some":');
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  expect(answer.statusCode).toBe(401);
  expect((await bodyOf(answer)).toString()).toContain('UNAUTHENTICATED');
  expect(upstream.available).toBe(1);
  sent.destroy();
});

test('another process takes a body of which nothing was sent; one that is lost in the middle is a 503', async () => {
  const well = await served(async (request, response) => {
    response.end(await bodyOf(request));
  });
  const { origin } = await proxied('http://127.0.0.1:1', well);
  for (let i = 0; i < 3; i++) expect(await (await post(origin, 'text')).text()).toBe('text');

  const dying = await served(async (request) => {
    await once(request, 'data');
    request.socket.destroy();
  });
  const { origin: other } = await proxied(dying);
  const answer = await post(other, 'text');
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await answer.json()).toMatchObject({ error: { code: 'UNAVAILABLE' } });
});

test('a client that breaks off is no fault of the process that it was sending to', async () => {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<unknown>();
  const door = await served(async (request) => {
    begun.resolve();
    await bodyOf(request).catch(ended.resolve);
  });
  const { origin, upstream } = await proxied(door);
  const sent = httpRequest(`${origin}/v1/events`, { method: 'POST' });
  sent.on('error', () => undefined);
  sent.write('{"some":');
  await begun.promise;
  sent.destroy();
  await ended.promise;
  expect(upstream.available).toBe(1);
});
