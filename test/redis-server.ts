import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** One command, on a connection of its own. */
  command(name: string, ...args: string[]): Promise<unknown>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** On the same port; with what the killed one had written, or without. */
  startAgain(options?: { readonly keepData: boolean }): Promise<void>;
}

interface RedisOptions {
  /** Lines of redis.conf, beside those that every one of ours has. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A Redis server of a test's own, which may be killed. */
export async function startTestRedis({ settings = {} }: RedisOptions = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let server = await start(folder, port, settings);
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exit = once(server, 'exit');
    server.kill('SIGKILL');
    await exit;
  };
  return {
    url,
    port,
    kill,
    command: (name, ...args) => command(url, name, args),
    startAgain: async ({ keepData } = { keepData: true }) => {
      await kill();
      if (!keepData) await rm(join(folder, 'appendonlydir'), { recursive: true, force: true });
      server = await start(folder, port, settings);
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function start(
  folder: string,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const all = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    appendonly: 'yes',
    save: '',
    'maxmemory-policy': 'noeviction',
    ...settings,
  };
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(server, 'spawn');
  let output = '';
  server.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  while (!output.includes('Ready to accept connections')) {
    if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}:\n${output}`);
    await delay(10);
  }
  return server;
}

async function command(url: string, name: string, args: readonly string[]): Promise<unknown> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null });
  try {
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The system gave no free port.');
  return address.port;
}
