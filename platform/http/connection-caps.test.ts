import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { readBody } from '#platform/http/answers';
import type { Route } from '#platform/http/routes';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '#platform/http/server';
import { createLog } from '#platform/log';
import { createTelemetry } from '#platform/telemetry';

const log = createLog({ level: 'silent', name: 'test' });
const open: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const hello: Route = { method: 'GET', path: '/hello', handle: (_, response) => void response.end('hello') };
const echo: Route = {
  method: 'POST',
  path: '/echo',
  maxBodyBytes: 100_000,
  handle: async (request, response) => void response.end(await readBody(request)),
};
async function start(changes: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    allowPlaintext: false,
    trustedProxies: [],
    corsOrigins: [],
    maxConnections: 500,
    connectionsPerAddress: 400,
    routes: [hello, echo],
    log,
    telemetry: createTelemetry({ process: 'test' }),
    patience: { headers: 200, silence: 200, check: 20 },
    ...changes,
  });
  open.unshift({ close: () => server.close(0) });
  return server;
}

function connectTo({ port }: HttpServer, localAddress?: string): Socket {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  socket.on('error', () => undefined);
  open.unshift({ close: () => void socket.destroy() });
  return socket;
}

async function textOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  await once(socket, 'close');
  return text;
}

const isWell = async ({ url }: HttpServer): Promise<boolean> => (await fetch(`${url}/hello`)).ok;

describe('connections of one address', () => {
  test('are as many as it may have; others are served, and so is it when one has ended', async () => {
    const server = await start({ connectionsPerAddress: 3, patience: {} });
    const held = [connectTo(server), connectTo(server), connectTo(server)];
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    const fourth = connectTo(server);
    await once(fourth, 'close');
    const other = connectTo(server, '127.0.0.2');
    other.write('GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    expect(await textOf(other)).toContain('hello');
    held[0]?.destroy();
    await expect.poll(() => isWell(server).catch(() => false)).toBe(true);
  });

  test('of a trusted proxy are all that there are', async () => {
    const server = await start({ connectionsPerAddress: 1, trustedProxies: ['127.0.0.1'], patience: {} });
    const held = Array.from({ length: 10 }, () => connectTo(server));
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    expect(await isWell(server)).toBe(true);
    expect(held.every(({ destroyed }) => !destroyed)).toBe(true);
  });
});

describe('clients that keep a connection and do nothing with it', () => {
  test.each([
    ['send nothing', ''],
    ['send their headers one by one', 'GET /hello HTTP/1.1\r\nhost: a\r\n'],
    ['promise a body that does not come', 'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n'],
    [
      'stop in the middle of one',
      'POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel',
    ],
  ])('%s: they are cut off, a hundred at a time', async (_, sent) => {
    const server = await start();
    const sockets = Array.from({ length: 100 }, () => connectTo(server));
    const closed = sockets.map(textOf);
    for (const socket of sockets) socket.write(sent);
    expect(await isWell(server)).toBe(true);
    for (const text of await Promise.all(closed)) expect(text).not.toMatch(/^HTTP\/1\.1 [25]/);
    expect(await isWell(server)).toBe(true);
  });

  test('drip their headers: the time for all of them ends', async () => {
    const server = await start();
    const socket = connectTo(server);
    socket.write('GET /hello HTTP/1.1\r\n');
    const drip = setInterval(() => socket.write('x: y\r\n'), 20);
    const text = await textOf(socket);
    clearInterval(drip);
    expect(text).toMatch(/^HTTP\/1\.1 408/);
  });

  test('never read their answer: it is given up', async () => {
    const over = Promise.withResolvers<boolean>();
    const large: Route = {
      method: 'GET',
      path: '/large',
      handle: (_, response) => {
        response.once('close', () => over.resolve(response.writableFinished));
        response.end(Buffer.alloc(64 * 2 ** 20));
      },
    };
    const server = await start({ routes: [hello, large] });
    const socket = connectTo(server);
    socket.pause();
    socket.write('GET /large HTTP/1.1\r\nhost: a\r\n\r\n');
    expect(await isWell(server)).toBe(true);
    expect(await over.promise).toBe(false);
  });

  test('end their side and wait', async () => {
    const server = await start();
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    open.unshift({ close: () => void socket.destroy() });
    socket.end('GET /hello HTTP/1.1\r\nhost: a\r\n\r\n');
    socket.on('end', () => socket.end());
    expect(await textOf(socket)).toContain('hello');
  });
});
