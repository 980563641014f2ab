import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createPlainServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Histogram } from 'prom-client';

import { HttpError, isExpected, sendError } from '#platform/http/answers';
import { applyCors, setSecurityHeaders } from '#platform/http/browser-rules';
import { clientAddress, isLoopback, Networks } from '#platform/http/client-address';
import { capConnections } from '#platform/http/connection-caps';
import { LimitedRequest } from '#platform/http/limited-request';
import type { Route } from '#platform/http/routes';
import { RouteTable } from '#platform/http/routes';
import { STOPPING_HEADER } from '#platform/http/stopping';
import { takeUpgrade } from '#platform/http/upgrades';
import type { Log } from '#platform/log';
import { type RequestContext, runInRequest, userAgentOf } from '#platform/request-context';
import type { Telemetry } from '#platform/telemetry';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
  /** PEM texts. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
  readonly allowPlaintext: boolean;
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly maxConnections: number;
  /** Of one address that is no trusted proxy. */
  readonly connectionsPerAddress: number;
  readonly routes: readonly Route[];
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly patience?: Partial<Patience>;
}

/** Milliseconds. */
export interface Patience {
  /** For all headers of a request. */
  readonly headers: number;
  /** For the next byte, in either direction, of a connection that is in use. */
  readonly silence: number;
  /** Between two looks at the connections. */
  readonly check: number;
}

export interface HttpServer {
  /** `http://127.0.0.1:4600`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** From now on every answer says that this process stops, and asks its connection to be closed. */
  drain(): void;
  /** Takes no new connections, lets requests in hand end for so many milliseconds, then cuts them. */
  close(grace: number): Promise<void>;
}

/** Longer than any proxy keeps its end (AWS' balancers: 60 s): we never close what it is about to use. */
const KEEP_ALIVE_MS = 75_000;
/** Against clients that send their headers a byte at a time, never read their answer, or are gone without a word. */
const PATIENCE: Patience = { headers: 10_000, silence: 120_000, check: 2_000 };
/** Above what any door allows a body (an hour in bulk), so that the door can say so; silence ends sooner. */
const REQUEST_TIMEOUT_MS = 3_660_000;
const SWEEP_MS = 20;
const MAX_HEADER_BYTES = 16_384;
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Listens and dispatches. Refuses to speak plain HTTP beyond the loopback unless told to. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  if (options.tls === undefined && !options.allowPlaintext && !isLoopback(options.host)) {
    throw new Error(
      `Listening on ${options.host} without TLS would send API keys in the clear: set CAIRN_TLS_CERT and CAIRN_TLS_KEY, or CAIRN_ALLOW_PLAINTEXT=true behind a proxy that ends TLS.`,
    );
  }
  const door = new Door(options);
  const server = createServer(options, (request, response) => door.receive(request, response));
  server.on('upgrade', (request, socket, head) => door.upgrade(request, socket, head));
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : options.port;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const url = `${options.tls === undefined ? 'http' : 'https'}://${host}:${port}`;
  return { url, port, drain: () => door.drain(), close: (grace) => closeServer(server, grace) };
}

function createServer(
  options: HttpServerOptions,
  listener: RequestListener<typeof LimitedRequest>,
): Server<typeof LimitedRequest> {
  const patience = { ...PATIENCE, ...options.patience };
  const settings = {
    IncomingMessage: LimitedRequest,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: patience.headers,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: patience.check,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const { tls } = options;
  const server =
    tls === undefined
      ? createPlainServer(settings, listener)
      : createTlsServer({ ...settings, ...tls, minVersion: 'TLSv1.2' }, listener);
  server.maxConnections = options.maxConnections;
  capConnections(server, {
    perAddress: options.connectionsPerAddress,
    exempt: new Networks(options.trustedProxies),
  });
  server.setTimeout(patience.silence);
  return server;
}

async function closeServer(server: Server<typeof LimitedRequest>, grace: number): Promise<void> {
  const closed = once(server, 'close');
  // Connections that become idle now would be kept for the next request, which will not be taken.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  server.close();
  const cut = new AbortController();
  const late = delay(grace, true, { signal: cut.signal, ref: false }).catch(() => false);
  if ((await Promise.race([closed.then(() => false), late])) === true) server.closeAllConnections();
  cut.abort();
  await closed;
  clearInterval(sweep);
}

/** What happens to every request before and after its route. */
class Door {
  readonly #options: HttpServerOptions;
  readonly #routes: RouteTable;
  readonly #proxies: Networks;
  readonly #seconds: Histogram;
  #draining = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#routes = new RouteTable(options.routes);
    this.#proxies = new Networks(options.trustedProxies);
    this.#seconds = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the headers of a request to the end of its answer, by route.',
      labelNames: ['route', 'method', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
      registers: [options.telemetry.metrics],
    });
  }

  drain(): void {
    this.#draining = true;
  }

  receive(request: LimitedRequest, response: ServerResponse): void {
    if (this.#draining) {
      response.setHeader(STOPPING_HEADER, 'true');
      response.setHeader('connection', 'close');
    }
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    // The rooms behind read it from here, so that all say the same.
    request.headers['x-request-id'] = requestId;
    response.setHeader('x-request-id', requestId);
    // A connection that breaks while we answer is the client's affair.
    response.on('error', (error) => this.#options.log.debug({ error }, 'an answer could not be sent'));
    const ended = new AbortController();
    response.once('close', () => ended.abort());
    const context = {
      requestId,
      ended: ended.signal,
      clientAddress: clientAddress(request, this.#proxies),
      ...clientOf(request),
      trace: this.#options.telemetry.extract(request.headers),
    };
    void runInRequest(context, () => this.#answer(request, response, requestId));
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    const address = clientAddress(request, this.#proxies);
    const context = { requestId, clientAddress: address, ...clientOf(request) };
    const { corsOrigins, log } = this.#options;
    const parts = { routes: this.#routes, corsOrigins, log, isDraining: () => this.#draining };
    void runInRequest(context, () => takeUpgrade(parts, request, socket, head));
  }

  async #answer(request: LimitedRequest, response: ServerResponse, requestId: string): Promise<void> {
    const started = performance.now();
    const { log } = this.#options;
    let label = 'none';
    try {
      setSecurityHeaders(response, this.#options.tls !== undefined);
      if (applyCors(request, response, this.#options.corsOrigins)) return;
      const route = this.#find(request, response);
      label = route.path;
      limitBody(request, response, { max: route.maxBodyBytes ?? 0, requestId });
      const attributes = { 'http.request.method': request.method ?? '', 'http.route': route.path };
      await this.#options.telemetry.span(`${request.method} ${route.path}`, attributes, async () =>
        route.handle(request, response),
      );
    } catch (error) {
      if (!isExpected(error)) log.error({ error }, 'a request failed');
      sendError(response, isExpected(error) ? error : masked(requestId), requestId);
    } finally {
      const status = String(response.statusCode);
      const seconds = (performance.now() - started) / 1_000;
      const method = label === 'none' ? 'any' : (request.method ?? '');
      this.#seconds.observe({ route: label, method, status }, seconds);
      log.debug({ method: request.method, route: label, status, seconds }, 'answered');
    }
  }

  #find(request: LimitedRequest, response: ServerResponse): Route {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    const found = this.#routes.find(request.method ?? 'GET', path);
    if ('route' in found) return found.route;
    if (found.allow.length === 0) throw new HttpError(404, 'NOT_FOUND', 'There is nothing at this path.');
    response.setHeader('allow', found.allow.join(', '));
    throw new HttpError(405, 'INVALID_ARGUMENT', `This path takes ${found.allow.join(', ')}.`);
  }
}

function clientOf({ headers, url }: IncomingMessage): Pick<RequestContext, 'userAgent' | 'path'> {
  return { userAgent: userAgentOf(headers), path: url?.split('?', 1)[0] };
}

/** Refuses a body that says it is too large, and cuts one that turns out to be. */
function limitBody(
  request: LimitedRequest,
  response: ServerResponse,
  { max, requestId }: { readonly max: number; readonly requestId: string },
): void {
  const error = new HttpError(413, 'BODY_TOO_LARGE', `A body here may have ${max} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > max) {
    request.refuse(error);
    throw error;
  }
  request.maxBodyBytes = max;
  request.onExceeded = () => {
    sendError(response, error, requestId);
    return error;
  };
}

function masked(requestId: string): HttpError {
  return new HttpError(500, 'INTERNAL', `Something went wrong here. Its reference is ${requestId}.`);
}
