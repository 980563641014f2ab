import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startFaultProxy } from '#test/faults/fault-proxy';
import type { FaultProxy } from '#test/faults/fault-proxy';

let open: AsyncDisposableStack;
let proxy: FaultProxy;

beforeEach(async () => {
  open = new AsyncDisposableStack();
  const echo = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  open.defer(() => void echo.close());
  const { port } = echo.address() as AddressInfo;
  proxy = open.use(await startFaultProxy({ host: '127.0.0.1', port, delayMs: 50 }));
});
afterEach(() => open.disposeAsync());

async function caller(): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: proxy.port });
  open.defer(() => void socket.destroy());
  await once(socket, 'connect');
  // The proxy ends with connections open, which some tests look at and others do not.
  socket.on('error', () => socket.destroy());
  return socket;
}

async function echoed(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString();
}

test('carries data, slowly when told', async () => {
  const socket = await caller();
  expect(await echoed(socket, 'one')).toBe('one');
  await proxy.change('slow');
  const before = performance.now();
  expect(await echoed(socket, 'two')).toBe('two');
  // Two ways; timers may fire a millisecond early.
  expect(performance.now() - before).toBeGreaterThan(95);
});

test('holds everything back and lets it go on', async () => {
  const socket = await caller();
  await proxy.change('hang');
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  socket.write('held');
  const late = await caller();
  await proxy.change('pass');
  expect(await echoed(late, 'late')).toBe('late');
  while (heard !== 'held') await once(socket, 'data');
});

test('cuts connections and takes new ones; refuses them when told', async () => {
  const socket = await caller();
  const failed = once(socket, 'error');
  proxy.cut();
  expect(await failed).toEqual([expect.objectContaining({ code: 'ECONNRESET' })]);
  expect(await echoed(await caller(), 'again')).toBe('again');
  const { port } = proxy;
  await proxy.change('refuse');
  await expect(caller()).rejects.toThrow('ECONNREFUSED');
  await proxy.change('pass');
  expect(proxy.port).toBe(port);
  expect(await echoed(await caller(), 'back')).toBe('back');
});
