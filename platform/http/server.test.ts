import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { get, request as httpRequest } from 'node:http';
import { get as tlsGet } from 'node:https';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';

import { readBody } from '#platform/http/answers';
import { healthRoutes } from '#platform/http/health';
import type { Route } from '#platform/http/routes';
import type { HttpServer, HttpServerOptions } from '#platform/http/server';
import { startHttpServer } from '#platform/http/server';
import { createLog } from '#platform/log';
import { currentRequest } from '#platform/request-context';
import { createTelemetry } from '#platform/telemetry';
import { selfSigned } from '#test/self-signed';

const lines: string[] = [];
const log = createLog({ level: 'debug', name: 'test', stream: { write: (line) => void lines.push(line) } });
const running: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close(0)));
  lines.length = 0;
});

const echo: Route = {
  method: 'POST',
  path: '/echo',
  maxBodyBytes: 1_000,
  handle: async (request, response) => {
    response.end(
      JSON.stringify({
        ...currentRequest(),
        trace: undefined,
        ended: undefined,
        body: String(await readBody(request)),
      }),
    );
  },
};
const below: Route = {
  method: '*',
  path: '/below/*',
  handle: (request, response) => void response.end(request.url),
};
const hello: Route = { method: 'GET', path: '/hello', handle: (_, response) => void response.end('hello') };

function options(changes: Partial<HttpServerOptions> = {}): HttpServerOptions {
  return {
    host: '127.0.0.1',
    port: 0,
    allowPlaintext: false,
    trustedProxies: [],
    corsOrigins: [],
    maxConnections: 100,
    connectionsPerAddress: 100,
    routes: [echo, below, hello],
    log,
    telemetry: createTelemetry({ process: 'test' }),
    ...changes,
  };
}

async function start(changes: Partial<HttpServerOptions> = {}): Promise<string> {
  const server = await startHttpServer(options(changes));
  running.push(server);
  return server.url;
}

describe('routing', () => {
  test('by method and path, the rest refused with a reason', async () => {
    const url = await start();
    expect(await (await fetch(`${url}/hello?x=1`)).text()).toBe('hello');
    expect((await fetch(`${url}/hello`, { method: 'HEAD' })).status).toBe(200);
    expect(await (await fetch(`${url}/below/a/b?c`, { method: 'DELETE' })).text()).toBe('/below/a/b?c');
    const missing = await fetch(`${url}/hello/more`, { headers: { 'x-request-id': 'mine-1' } });
    expect(missing.status).toBe(404);
    expect(await missing.json()).toEqual({
      error: { code: 'NOT_FOUND', message: 'There is nothing at this path.', requestId: 'mine-1' },
    });
    const wrong = await fetch(`${url}/hello`, { method: 'PUT' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET']);
  });

  test('two routes for one door are a mistake', async () => {
    await expect(startHttpServer(options({ routes: [hello, hello] }))).rejects.toThrow(
      'Two routes for GET /hello',
    );
  });

  test('unknown errors are masked and logged under the request’s id, known ones told', async () => {
    const known = Object.assign(new Error('Not now.'), {
      status: 429,
      code: 'TOO_MANY_REQUESTS',
      retryAfter: 1.2,
    });
    const url = await start({
      routes: [
        { method: 'GET', path: '/bug', handle: () => Promise.reject(new Error('at /secret/place')) },
        { method: 'GET', path: '/known', handle: () => Promise.reject(known) },
      ],
    });
    const bug = await fetch(`${url}/bug`, { headers: { 'x-request-id': 'ref-7' } });
    const text = await bug.text();
    expect([bug.status, text.includes('ref-7'), text.includes('secret')]).toEqual([500, true, false]);
    const logged = lines.filter((line) => line.includes('"level":"error"'));
    expect(logged).toEqual([expect.stringMatching(/"requestId":"ref-7".*secret/)]);
    const refused = await fetch(`${url}/known`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2']);
  });
});

describe('who asks', () => {
  test('a request has an id: the caller’s when it is harmless, else a new one', async () => {
    const url = await start();
    const ask = async (id: string) => {
      const answer = await fetch(`${url}/echo`, {
        method: 'POST',
        headers: { 'x-request-id': id },
        body: 'x',
      });
      const body = (await answer.json()) as { requestId: string };
      expect(answer.headers.get('x-request-id')).toBe(body.requestId);
      return body.requestId;
    };
    expect(await ask('abc.DEF-1')).toBe('abc.DEF-1');
    expect(await ask('has blanks "and" quotes')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await ask('x'.repeat(129))).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    [[], '203.0.113.9', '127.0.0.1'],
    [['127.0.0.1'], '203.0.113.9', '203.0.113.9'],
    [['127.0.0.0/8'], '6.6.6.6, 203.0.113.9', '203.0.113.9'],
    [['127.0.0.0/8', '203.0.113.0/24'], '6.6.6.6, 203.0.113.9', '6.6.6.6'],
    [['127.0.0.1'], 'not an address', '127.0.0.1'],
    [['127.0.0.1'], '::ffff:203.0.113.9', '203.0.113.9'],
  ])('behind %j, X-Forwarded-For %j means %s', async (trustedProxies, forwarded, expected) => {
    const url = await start({ trustedProxies });
    const headers = { 'x-forwarded-for': forwarded };
    const answer = await fetch(`${url}/echo`, { method: 'POST', headers, body: 'x' });
    expect(await answer.json()).toMatchObject({ clientAddress: expected });
  });
});

describe('the end of a request', () => {
  test('is known to its rooms: when the answer is out, or when the client has gone', async () => {
    const ends: (AbortSignal | undefined)[] = [];
    const answer = Promise.withResolvers<void>();
    const route: Route = {
      ...hello,
      handle: async (_, response) => {
        ends.push(currentRequest()?.ended);
        if (ends.length === 2) await answer.promise;
        response.end('hello');
      },
    };
    const url = `${await start({ routes: [route] })}/hello`;
    const aborted = (signal: AbortSignal | undefined) =>
      signal?.aborted === true || new Promise((resolve) => signal?.addEventListener('abort', resolve));
    await (await fetch(url)).text();
    await aborted(ends[0]);
    const leaving = new AbortController();
    const left = fetch(url, { signal: leaving.signal }).catch(() => 'left');
    while (ends.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(ends[1]?.aborted).toBe(false);
    leaving.abort();
    await aborted(ends[1]);
    expect(await left).toBe('left');
    answer.resolve();
  });
});

describe('browsers', () => {
  test('are told to trust nothing, over TLS also to stay there', async () => {
    const { headers } = await fetch(`${await start()}/hello`);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('strict-transport-security')).toBeNull();
  });

  test('may call from listed origins only', async () => {
    const url = await start({ corsOrigins: ['https://console.example.com'] });
    const preflight = (origin: string) =>
      fetch(`${url}/echo`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
    const good = await preflight('https://console.example.com');
    expect(good.status).toBe(204);
    expect(good.headers.get('access-control-allow-origin')).toBe('https://console.example.com');
    expect(good.headers.get('access-control-allow-headers')).toContain('authorization');
    const bad = await preflight('https://evil.example.com');
    expect([bad.status, bad.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    const simple = await fetch(`${url}/hello`, { headers: { origin: 'https://evil.example.com' } });
    expect(simple.headers.get('access-control-allow-origin')).toBeNull();
    expect(simple.headers.get('vary')).toBe('origin');
  });
});

describe('limits', () => {
  test('a body at the limit passes, one beyond it is refused, declared or not', async () => {
    const url = `${await start()}/echo`;
    const post = (body: BodyInit) => fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit);
    expect((await post('x'.repeat(1_000))).status).toBe(200);
    const declared = await post('x'.repeat(1_001));
    expect(declared.status).toBe(413);
    expect(await declared.json()).toMatchObject({ error: { code: 'BODY_TOO_LARGE' } });
    const streamed = await post(new Blob(['x'.repeat(900), 'x'.repeat(900)]).stream());
    expect(streamed.status).toBe(413);
    expect((await fetch(`${url.replace('echo', 'below/x')}`, { method: 'POST', body: 'x' })).status).toBe(
      413,
    );
  });

  test('a body that never ends is answered and cut, and its reader is told', async () => {
    const failed = Promise.withResolvers<unknown>();
    const route: Route = {
      ...echo,
      handle: (request) =>
        readBody(request).then(
          () => undefined,
          (error: unknown) => failed.resolve(error),
        ),
    };
    const { port } = new URL(await start({ routes: [route] }));
    const client = httpRequest({
      port,
      path: '/echo',
      method: 'POST',
      headers: { 'transfer-encoding': 'chunked' },
    });
    const flood = setInterval(() => client.write('x'.repeat(500)), 1);
    client.on('error', () => undefined);
    const [answer] = (await once(client, 'response')) as [{ statusCode: number; resume(): void }];
    answer.resume();
    expect(answer.statusCode).toBe(413);
    expect(await failed.promise).toMatchObject({ code: 'BODY_TOO_LARGE' });
    clearInterval(flood);
    client.destroy();
  });

  test('headers that are too long are refused', async () => {
    const answer = await fetch(`${await start()}/hello`, { headers: { 'x-long': 'x'.repeat(20_000) } });
    expect(answer.status).toBe(431);
  });

  test('more connections than allowed are not taken', async () => {
    const { port } = new URL(await start({ maxConnections: 1 }));
    const first = connect(Number(port), '127.0.0.1');
    await once(first, 'connect');
    await expect(fetch(`http://127.0.0.1:${port}/hello`)).rejects.toThrow('fetch failed');
    first.destroy();
  });
});

describe('where it listens', () => {
  test('beyond the loopback only with TLS or when told so', async () => {
    await expect(startHttpServer(options({ host: '0.0.0.0' }))).rejects.toThrow('without TLS');
    await expect(startHttpServer(options({ host: '::' }))).rejects.toThrow('without TLS');
    await expect(startHttpServer(options({ host: 'cairn.example.com' }))).rejects.toThrow('without TLS');
  });

  test('a port that is taken is told', async () => {
    const { port } = new URL(await start());
    await expect(startHttpServer(options({ port: Number(port) }))).rejects.toThrow('EADDRINUSE');
  });

  test('speaks TLS with the certificate that it is given', async () => {
    const day = 86_400_000;
    const { cert, key } = selfSigned(new Date(Date.now() - day), new Date(Date.now() + day));
    const url = await start({ tls: { cert, key } });
    expect(url).toMatch(/^https:/);
    const [answer] = (await once(tlsGet(`${url}/hello`, { ca: cert }), 'response')) as [
      { statusCode: number; headers: IncomingHttpHeaders; resume(): void },
    ];
    answer.resume();
    expect([answer.statusCode, answer.headers['strict-transport-security']]).toEqual([
      200,
      'max-age=31536000',
    ]);
  });
});

describe('closing', () => {
  test('lets a request in hand end, takes no new one', async () => {
    const release = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const handle: Route['handle'] = async (_, response) => {
      began.resolve();
      await release.promise;
      response.end('done');
    };
    const server = await startHttpServer(options({ routes: [{ method: 'GET', path: '/slow', handle }] }));
    const slow = fetch(`${server.url}/slow`);
    await began.promise;
    const closed = server.close(10_000);
    await expect(fetch(`${server.url}/slow`)).rejects.toThrow('fetch failed');
    release.resolve();
    expect(await (await slow).text()).toBe('done');
    await closed;
  });

  test('cuts what does not end in time', async () => {
    const began = Promise.withResolvers<void>();
    const handle = (): Promise<void> => {
      began.resolve();
      return new Promise(() => undefined);
    };
    const server = await startHttpServer(options({ routes: [{ method: 'GET', path: '/hang', handle }] }));
    const hanging = get(`${server.url}/hang`);
    const failed = once(hanging, 'error');
    await began.promise;
    await server.close(10);
    expect(await failed).toEqual([expect.objectContaining({ code: 'ECONNRESET' })]);
  });
});

describe('health', () => {
  test('stays ready without what it can do without, and says so', async () => {
    const telemetry = createTelemetry({ process: 'test' });
    const health = healthRoutes({
      checks: { postgres: () => Promise.resolve() },
      lesserChecks: { redis: () => Promise.reject(new Error('away')) },
      metrics: telemetry.metrics,
      metricsNetworks: ['127.0.0.1'],
      trustedProxies: [],
      log,
      stopping: () => false,
    });
    const url = await start({ routes: [...health], telemetry });
    const answer = await fetch(`${url}/readyz`);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { status: 'degraded', checks: { postgres: 'ok', redis: 'failing' } },
    ]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^cairn_check_ok\{check="postgres".*\} 1$/m);
    expect(metrics).toMatch(/^cairn_check_ok\{check="redis".*\} 0$/m);
  });

  test('a failing part is logged once a minute, however often anybody asks', async () => {
    const warned: unknown[] = [];
    const telemetry = createTelemetry({ process: 'test' });
    const away = (): Promise<void> => Promise.reject(new Error('away'));
    const health = healthRoutes({
      checks: { postgres: away },
      lesserChecks: { redis: away },
      metrics: telemetry.metrics,
      metricsNetworks: ['127.0.0.1'],
      trustedProxies: [],
      log: { warn: (attributes: unknown) => void warned.push(attributes) },
      stopping: () => false,
    });
    const url = await start({ routes: [...health], telemetry });
    for (const path of ['readyz', 'readyz', 'metrics']) await (await fetch(`${url}/${path}`)).text();
    expect(warned).toEqual([
      { check: 'postgres', error: expect.objectContaining({ message: 'away' }) },
      { check: 'redis', error: expect.objectContaining({ message: 'away' }) },
    ]);
  });

  test('tells the truth, by name, and who may read the metrics', async () => {
    let broken = false;
    let stopping = false;
    const telemetry = createTelemetry({ process: 'test' });
    const health = healthRoutes({
      checks: {
        postgres: () => (broken ? Promise.reject(new Error('password of x')) : Promise.resolve()),
        worker: () => Promise.resolve(),
      },
      metrics: telemetry.metrics,
      metricsNetworks: ['10.0.0.0/8'],
      trustedProxies: ['127.0.0.1'],
      log,
      stopping: () => stopping,
    });
    const url = await start({ routes: [...health, hello], telemetry, trustedProxies: ['127.0.0.1'] });
    const ready = async () => {
      const answer = await fetch(`${url}/readyz`);
      return [answer.status, await answer.json()];
    };
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await ready()).toEqual([200, { status: 'ready', checks: { postgres: 'ok', worker: 'ok' } }]);
    broken = true;
    expect(await ready()).toEqual([
      503,
      { status: 'not ready', checks: { postgres: 'failing', worker: 'ok' } },
    ]);
    [broken, stopping] = [false, true];
    expect(await ready()).toEqual([503, { status: 'not ready', checks: { postgres: 'ok', worker: 'ok' } }]);
    expect((await fetch(`${url}/metrics`)).status).toBe(403);
    const metrics = await fetch(`${url}/metrics`, { headers: { 'x-forwarded-for': '10.1.2.3' } });
    const counted =
      /^http_request_duration_seconds_count\{.*route="\/readyz",method="GET",status="503"\} 2$/m;
    expect(counted.test(await metrics.text())).toBe(true);
  });
});
