import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, createGateway } from '#gateway/create-gateway';
import { type HttpServer, startHttpServer } from '#platform/http/server';
import { createLog } from '#platform/log';
import { type Telemetry, createTelemetry } from '#platform/telemetry';
import { ask, codesOf } from '#test/federation/serve';
import { authenticate, twoSubgraphs } from '#test/federation/two-subgraphs';

/** The gateway as the product mounts it: behind the house's HTTP server, with its log and its limits. */
const MAX_BODY = 10_000;
const lines: string[] = [];
const stream = { write: (line: string): number => lines.push(line) };
let telemetry: Telemetry;
let gateway: Gateway;
let server: HttpServer;

beforeAll(async () => {
  const log = createLog({ level: 'error', name: 'api', stream });
  telemetry = createTelemetry({ process: 'api' });
  const { subgraphs } = twoSubgraphs(log);
  gateway = await createGateway({ subgraphs, authenticate, log, telemetry, limits: { bodyBytes: MAX_BODY } });
  server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    allowPlaintext: false,
    trustedProxies: [],
    corsOrigins: ['https://console.example'],
    maxConnections: 100,
    connectionsPerAddress: 100,
    routes: [
      {
        method: '*',
        path: '/graphql',
        maxBodyBytes: MAX_BODY,
        handle: (request, response) => gateway.handle(request, response),
      },
    ],
    log,
    telemetry,
  });
});
afterAll(async () => {
  await server.close(100);
  await gateway.dispose();
  await telemetry.close();
});

test('one request id from the server to the subgraph and back', async () => {
  const answer = await ask(`${server.url}/graphql`, {
    query: '{ whoami }',
    headers: { 'x-request-id': 'mine-2' },
  });
  expect(answer.body.data).toEqual({ whoami: 'admin mine-2' });
  expect(answer.headers.get('x-request-id')).toBe('mine-2');
});

test('a page of another origin that is listed may read the answer', async () => {
  const headers = { origin: 'https://console.example' };
  const answer = await ask(`${server.url}/graphql`, { query: '{ whoami }', headers });
  expect(answer.headers.get('access-control-allow-origin')).toBe('https://console.example');
});

test("GraphiQL's own policy replaces the server's", async () => {
  const response = await fetch(`${server.url}/graphql`, { headers: { accept: 'text/html' } });
  await response.arrayBuffer();
  expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'sha256-/);
});

test('a body over the limit is refused once, whether it says its length or not', async () => {
  const body = JSON.stringify({ query: `{ whoami } # ${'x'.repeat(MAX_BODY)}` });
  const headers = { 'content-type': 'application/json', authorization: 'Bearer auditor' };
  const url = `${server.url}/graphql`;
  const said = await fetch(url, { method: 'POST', headers, body });
  expect(said.status).toBe(413);
  const unsaid = new ReadableStream<Uint8Array>({
    start: (stream) => {
      stream.enqueue(new TextEncoder().encode(body));
      stream.close();
    },
  });
  const chunked = await fetch(url, {
    method: 'POST',
    headers,
    body: unsaid,
    duplex: 'half',
  } as RequestInit);
  expect(chunked.status).toBe(413);
  expect(lines).toEqual([]);
});

test('an unexpected error is logged once, with the ids that were shown, and nothing else', async () => {
  const headers = { 'x-request-id': 'mine-3' };
  const answer = await ask(`${server.url}/graphql`, { query: '{ broken }', headers });
  expect(codesOf(answer)).toEqual(['INTERNAL']);
  expect(lines).toHaveLength(1);
  const { reference } = answer.body.errors?.[0]?.extensions ?? {};
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ requestId: 'mine-3', reference, path: 'broken' });
});
