import { once } from 'node:events';
import { Agent, type ClientRequest, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Lingering } from '#platform/http/lingering';

const PIECE_MS = 20;
const LINGER_MS = 10_000;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** Answers at once, and reads what is left of the body afterwards. */
async function answerEarly(ms: number, told: (request: IncomingMessage) => void = () => undefined) {
  const lingering = new Lingering();
  const server = createServer((incoming, response) => {
    told(incoming);
    response.end('no');
    lingering.read(incoming, ms);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 100 });
  cleanups.push(() => agent.destroy());
  const { port } = server.address() as AddressInfo;
  return (): ClientRequest => {
    const sent = request({ port, host: '127.0.0.1', method: 'POST', agent });
    sent.on('error', () => undefined);
    return sent;
  };
}

test('a sender gets the answer that came before the end of its body, and may go on with the connection', async () => {
  const ports = new Set<number | undefined>();
  const send = await answerEarly(LINGER_MS, ({ socket }) => ports.add(socket.remotePort));
  for (let turn = 0; turn < 2; turn += 1) {
    const sent = send();
    const closed = once(sent, 'close');
    sent.end(Buffer.alloc(500_000));
    const [response] = await once(sent, 'response');
    await Array.fromAsync(response as IncomingMessage);
    await closed;
  }
  expect(ports.size).toBe(1);
});

test('the rests of many bodies are read no faster than that of one', async () => {
  const pieces: number[] = [];
  const send = await answerEarly(LINGER_MS, (incoming) =>
    incoming.on('data', (chunk: Buffer) => pieces.push(chunk.length)),
  );
  const start = performance.now();
  const senders = Array.from({ length: 20 }, () => send());
  for (const sent of senders) sent.write(Buffer.alloc(4_000_000));
  await expect.poll(() => pieces.length).toBeGreaterThan(60);
  expect(pieces.length).toBeLessThan((performance.now() - start) / PIECE_MS + senders.length);
});

test('who goes on sending is cut off', async () => {
  const sockets: Socket[] = [];
  const send = await answerEarly(100, ({ socket }) => sockets.push(socket));
  send().write(Buffer.alloc(50_000_000));
  await expect.poll(() => sockets.map(({ destroyed }) => destroyed)).toEqual([true]);
});
