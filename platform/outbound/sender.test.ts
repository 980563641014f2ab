import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { AddressGuard, type Resolve } from '#platform/outbound/address-guard';
import { Sender, type SendResult } from '#platform/outbound/sender';
import { selfSigned, type SelfSigned } from '#test/self-signed';

const DAY = 86_400_000;
const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

type Handle = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

interface Served {
  readonly port: number;
  readonly got: { readonly request: IncomingMessage; readonly body: Buffer }[];
  connections(): number;
}

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

async function served(handle: Handle, tls?: SelfSigned): Promise<Served> {
  const got: Served['got'] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      got.push({ request, body });
      handle(request, response, body);
    });
    request.on('error', () => undefined);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  let connections = 0;
  server.on('connection', () => connections++);
  return { port: await listening(server), got, connections: () => connections };
}

interface Given {
  readonly resolve?: Resolve;
  readonly networks?: readonly string[];
  readonly ca?: string;
  readonly wholeMs?: number;
  readonly connectMs?: number;
}

function sender({ resolve, networks = ['127.0.0.0/8'], ...options }: Given = {}): Sender {
  const guard = new AddressGuard({ networks, ...(resolve && { resolve }) });
  const one = new Sender({ guard, userAgent: 'cairn-test', ...options });
  opened.push(() => one.close());
  return one;
}

function post(one: Sender, url: string, body: Buffer | string = '{}'): Promise<SendResult> {
  return one.post({ url, headers: { 'content-type': 'application/json' }, body: Buffer.from(body) });
}

const ok: Handle = (_, response) => response.writeHead(204).end();

describe('a request', () => {
  it('arrives as it was given, over a connection that is used again', async () => {
    const server = await served(ok);
    const body = Buffer.alloc(300_000, 'ä');
    const one = sender();
    for (let n = 0; n < 10; n++) {
      expect(await post(one, `http://127.0.0.1:${server.port}/hook/x?a=1&b=%20`, body)).toEqual({
        status: 204,
        retryAfter: undefined,
      });
    }
    expect(server.connections()).toBeLessThan(4);
    const [first] = server.got;
    expect(first?.body.equals(body)).toBe(true);
    expect(first?.request).toMatchObject({ method: 'POST', url: '/hook/x?a=1&b=%20' });
    expect(first?.request.headers).toEqual({
      host: `127.0.0.1:${server.port}`,
      connection: 'keep-alive',
      'content-type': 'application/json',
      'content-length': String(body.length),
      'user-agent': 'cairn-test',
    });
  });

  it('opens few connections at once', async () => {
    const server = await served((_, response) => setTimeout(() => response.end(), 20));
    const one = sender();
    await Promise.all(Array.from({ length: 60 }, () => post(one, `http://127.0.0.1:${server.port}/`)));
    expect(server.got).toHaveLength(60);
    expect(server.connections()).toBeLessThanOrEqual(16);
  });

  it('sends no cookies back, follows no redirects', async () => {
    const elsewhere = await served(ok);
    const server = await served((_, response) => {
      response.setHeader('set-cookie', 'session=1; Path=/');
      response.writeHead(307, { location: `http://127.0.0.1:${elsewhere.port}/` }).end();
    });
    const one = sender();
    for (let n = 0; n < 2; n++) {
      expect(await post(one, `http://127.0.0.1:${server.port}/`)).toMatchObject({ status: 307 });
    }
    expect(elsewhere.got).toEqual([]);
    expect(server.got[1]?.request.headers.cookie).toBeUndefined();
  });

  it('hears how long to stay away', async () => {
    const answers = ['120', new Date(Date.now() + 60_000).toUTCString(), '-1', 'soon', '1e9', ''];
    const server = await served((_, response) => {
      response.writeHead(503, { 'retry-after': answers.shift() ?? '' }).end();
    });
    const one = sender();
    const heard: unknown[] = [];
    while (answers.length > 0) {
      const result = await post(one, `http://127.0.0.1:${server.port}/`);
      heard.push('status' in result ? result.retryAfter : result);
    }
    expect(heard).toEqual([120, expect.closeTo(60, -1), undefined, undefined, undefined, undefined]);
  });
});

describe('the address', () => {
  it('is the one that was checked, whatever the name says elsewhere or later', async () => {
    const server = await served(ok);
    const answers = [['127.0.0.1'], ['127.0.0.1'], ['10.1.2.3'], ['127.0.0.1', '10.1.2.3']];
    const asked: string[] = [];
    const one = sender({
      resolve: (host) => {
        asked.push(host);
        return Promise.resolve(answers.shift() ?? []);
      },
    });
    // Nobody but our resolver knows this name, so a second look-up by the connection would find nothing.
    const url = `http://rebind.invalid:${server.port}/`;
    expect(await post(one, url)).toMatchObject({ status: 204 });
    expect(await post(one, url)).toMatchObject({ status: 204 });
    expect(server.got[0]?.request.headers.host).toBe(`rebind.invalid:${server.port}`);
    for (let n = 0; n < 2; n++) {
      expect(await post(one, url)).toEqual({
        failure: 'The address leads into a network that is not allowed.',
        retryable: true,
      });
    }
    expect(asked).toHaveLength(4);
    expect(server.got).toHaveLength(2);
  });

  it('is not reached when it is not allowed', async () => {
    const server = await served(ok);
    const one = sender({ networks: [] });
    for (const host of ['127.0.0.1', 'localhost', '0x7f.1', '[::ffff:127.0.0.1]']) {
      expect(await post(one, `http://${host}:${server.port}/`)).toMatchObject({ retryable: true });
    }
    expect(await post(one, 'ftp://127.0.0.1/')).toMatchObject({ retryable: false });
    expect(server.connections()).toBe(0);
  });
});

describe('TLS', () => {
  it('is verified: authority, name and time', async () => {
    const good = selfSigned(new Date(Date.now() - DAY), new Date(Date.now() + DAY));
    const old = selfSigned(new Date(Date.now() - 2 * DAY), new Date(Date.now() - DAY));
    const [server, expired] = [await served(ok, good), await served(ok, old)];
    const resolve: Resolve = () => Promise.resolve(['127.0.0.1']);
    const one = sender({ ca: good.cert + old.cert, resolve });
    const distrusted = { failure: 'The certificate of the receiver cannot be trusted.', retryable: true };
    expect(await post(one, `https://127.0.0.1:${server.port}/`)).toMatchObject({ status: 204 });
    expect(await post(one, `https://other.invalid:${server.port}/`)).toEqual(distrusted);
    expect(await post(one, `https://127.0.0.1:${expired.port}/`)).toEqual(distrusted);
    expect(await post(sender(), `https://127.0.0.1:${server.port}/`)).toEqual(distrusted);
    expect(server.got).toHaveLength(1);
    expect(expired.got).toEqual([]);
  });
});

describe('a receiver', () => {
  it('that says nothing is given up', async () => {
    const server = await served(() => undefined);
    const began = Date.now();
    expect(await post(sender({ wholeMs: 150 }), `http://127.0.0.1:${server.port}/?token=secret`)).toEqual({
      failure: 'The receiver did not answer in time.',
      retryable: true,
    });
    expect(Date.now() - began).toBeLessThan(5_000);
  });

  it('that drips its headers is given up', async () => {
    const port = await listening(
      createTcpServer((socket) => {
        socket.on('error', () => undefined).write('HTTP/1.1 200 OK\r\n');
        const drip = setInterval(() => socket.write('x: y\r\n'), 10);
        socket.on('close', () => clearInterval(drip));
      }),
    );
    expect(await post(sender({ wholeMs: 200 }), `http://127.0.0.1:${port}/`)).toMatchObject({
      failure: expect.any(String),
      retryable: true,
    });
  });

  it('that drips its body, or never ends it, has answered', async () => {
    const ended = Promise.withResolvers<void>();
    const server = await served((_, response) => {
      response.writeHead(200).write('x');
      const drip = setInterval(() => response.write('x'), 10);
      response.on('close', () => {
        clearInterval(drip);
        ended.resolve();
      });
    });
    expect(await post(sender(), `http://127.0.0.1:${server.port}/`)).toMatchObject({ status: 200 });
    await ended.promise;
  });

  it('that answers with a flood is cut off', async () => {
    let written = 0;
    const closed = Promise.withResolvers<void>();
    const server = await served((_, response) => {
      const flood = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
      };
      response.writeHead(200);
      response.on('drain', flood).on('close', () => closed.resolve());
      flood();
    });
    expect(await post(sender(), `http://127.0.0.1:${server.port}/`)).toMatchObject({ status: 200 });
    await closed.promise;
    expect(written).toBeLessThan(64 * 1_048_576);
  });

  it('that floods with headers, speaks something else, resets or hangs up is a failure with a reason', async () => {
    const answers: Readonly<Record<string, (socket: Socket) => void>> = {
      'too many headers': (socket) => socket.write(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}\r\n`),
      'not speak HTTP': (socket) => socket.write('220 mail.example ESMTP\r\n'),
      'broke the connection': (socket) => socket.resetAndDestroy(),
      'broke the': (socket) => socket.end(),
    };
    for (const [words, answer] of Object.entries(answers)) {
      const port = await listening(
        createTcpServer((socket) => {
          socket.on('error', () => undefined).once('data', () => answer(socket));
        }),
      );
      const result = await post(sender(), `http://127.0.0.1:${port}/`);
      expect(result).toEqual({ failure: expect.stringContaining(words), retryable: true });
    }
  });

  it('that is not there is a failure', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    expect(await post(sender(), `http://127.0.0.1:${port}/`)).toEqual({
      failure: 'The receiver refuses connections.',
      retryable: true,
    });
  });

  it('is left when the process ends', async () => {
    const stop = new AbortController();
    const server = await served(() => stop.abort());
    const result = sender().post(
      { url: `http://127.0.0.1:${server.port}/`, headers: {}, body: Buffer.from('{}') },
      stop.signal,
    );
    expect(await result).toEqual({
      failure: 'The process ended before the receiver answered.',
      retryable: true,
    });
  });
});
