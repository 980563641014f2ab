import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
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

/** More than every buffer on the way takes, several times over, and what they may take. */
const BODY_MB = 192;
const HELD_BACK_MB = 96;

function* megabytes(count: number, onEach: () => void = () => undefined): Generator<Buffer> {
  const chunk = Buffer.alloc(1_048_576);
  for (let i = 0; i < count; i++) {
    onEach();
    yield chunk;
  }
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
  const door = await served(async (request, response) => {
    if (request.headers['content-type'] !== 'read') return got.resolve(request);
    await once(request.resume(), 'end');
    response.end();
  });
  const { origin } = await proxied(door);
  const sent = httpRequest(`${origin}/v1/events`, { method: 'POST' });
  sent.on('error', () => undefined);
  sent.write('first');
  const received = await got.promise;
  const [first] = (await once(received, 'data')) as [Buffer];
  expect(first.toString()).toBe('first');
  received.pause();
  let written = 0;
  const ended = pipeline(Readable.from(megabytes(BODY_MB, () => (written += 1))), sent).catch(
    () => 'broken off',
  );
  // A body of the same size goes through meanwhile: so would this one, were it not held back.
  const other = httpRequest(`${origin}/v1/events`, { method: 'POST', headers: { 'content-type': 'read' } });
  const answered = once(other, 'response');
  await pipeline(Readable.from(megabytes(BODY_MB)), other);
  const [answer] = (await answered) as [IncomingMessage];
  await once(answer.resume(), 'end');
  expect(written).toBeLessThan(HELD_BACK_MB);
  sent.destroy();
  expect(await ended).toBe('broken off');
  received.on('error', () => undefined).resume();
  await new Promise((resolve) => received.once('close', resolve));
}, 60_000);

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

test('bodies that come slowly keep nothing else from the process that takes them', async () => {
  const HELD = 70;
  const allHeld = Promise.withResolvers<void>();
  const probedTwice = Promise.withResolvers<void>();
  const allClosed = Promise.withResolvers<void>();
  let [held, probes, closed] = [0, 0, 0];
  const door = await serve(async (request, response) => {
    if (request.method === 'POST') {
      held += 1;
      if (held === HELD) allHeld.resolve();
      request
        .on('error', () => undefined)
        .once('close', () => {
          closed += 1;
          if (closed === HELD) allClosed.resolve();
        });
      request.resume();
      return;
    }
    if (request.url === '/healthz' && held === HELD) {
      probes += 1;
      // Two, one after the other: the first of them may have been on its way before.
      if (probes === 2) probedTwice.resolve();
    }
    response.end('here');
  });
  opened.push(async () => {
    await door[Symbol.asyncDispose]();
  });
  const { origin, upstream } = await proxied(door.origin);
  const senders = Array.from({ length: HELD }, () => {
    const sent = httpRequest(`${origin}/v1/events`, { method: 'POST' });
    sent.on('error', () => undefined);
    sent.write('first');
    return sent;
  });
  await allHeld.promise;
  const answered = await upstream.use(
    async (instance) => (await instance.request({ method: 'GET', path: '/x' })).body.text(),
    () => false,
  );
  expect(answered).toBe('here');
  await probedTwice.promise;
  expect(upstream.available).toBe(1);
  for (const sent of senders) sent.destroy();
  await allClosed.promise;
}, 30_000);
