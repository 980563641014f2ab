import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';

/** What came back; `status` 0 when the connection ended without an answer. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | string | undefined;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
/** More than any operation may take. */
const PATIENCE_MS = 45_000;
const RAW_MS = 400;
const SILENCE: Answer = { status: 0, type: '', text: '' };

export function send(url: string, { method, path, headers, body }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const options = { hostname, port, method, path, agent, headers: { ...length, ...headers } };
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', () => resolve(SILENCE));
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          // An answer to HEAD has only the head of one.
          type: method === 'HEAD' ? '' : (response.headers['content-type'] ?? ''),
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.setTimeout(PATIENCE_MS, () => {
      sent.destroy();
      reject(new Error(`No answer for ${PATIENCE_MS} ms.`));
    });
    // The other side may end a connection that it does not like.
    sent.on('error', () => resolve(SILENCE));
    sent.end(body);
  });
}

/** Bytes as they are on a connection of their own; what came back within a moment. */
export async function sendRaw(url: string, bytes: Buffer, ending: 'end' | 'cut' | 'wait'): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => (text += String(chunk)));
  const closed = once(socket, 'close').catch(() => undefined);
  socket.write(bytes);
  if (ending === 'end') socket.end();
  if (ending === 'cut') await delay(5).then(() => socket.destroy());
  await Promise.race([closed, delay(RAW_MS)]);
  socket.destroy();
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
  return { status, type: 'raw', text };
}

/** Messages over one WebSocket; all that came back, joined. */
export async function sendMessages(
  url: string,
  headers: Readonly<Record<string, string>>,
  messages: readonly (string | Buffer)[],
): Promise<Answer> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', { headers });
  const heard: string[] = [];
  socket.on('error', () => undefined);
  socket.on('message', (data) => {
    if (Buffer.isBuffer(data)) heard.push(data.toString());
  });
  const closed = once(socket, 'close').catch(() => undefined);
  await Promise.race([once(socket, 'open').catch(() => undefined), closed]);
  for (const message of messages) {
    if (socket.readyState !== WebSocket.OPEN) break;
    socket.send(message);
  }
  await Promise.race([closed, delay(RAW_MS)]);
  socket.terminate();
  await closed;
  return { status: 0, type: 'websocket', text: heard.join('\n') };
}
