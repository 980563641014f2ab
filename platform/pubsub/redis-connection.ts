import { once } from 'node:events';
import { isIP } from 'node:net';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';

/** Where Redis is and under which name we are there. */
export interface RedisPlace {
  /** `redis://` or `rediss://` (TLS), with user, password and database as they are needed. */
  readonly url: string;
  /** Before every key and channel, so that installations can share a server. */
  readonly prefix: string;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;
const CONNECT_MS = 5_000;
/** A server that takes commands and is silent this long is gone; BullMQ blocks for 10 s at most. */
const SILENT_MS = 30_000;
const KEEP_ALIVE_MS = 10_000;

/** What all our connections have in common: after a break they come back by themselves, with growing pauses. */
const CONNECTION = {
  connectTimeout: CONNECT_MS,
  keepAlive: KEEP_ALIVE_MS,
  socketTimeout: SILENT_MS,
  retryStrategy: (times) => {
    const pause = Math.min(FIRST_RETRY_MS * 2 ** Math.min(times - 1, 10), LAST_RETRY_MS);
    // Many processes lose a server at the same moment and must not all come back at one.
    return pause * (0.75 + Math.random() / 2);
  },
} satisfies RedisOptions;

/** What a URL says beside its text: TLS servers that share an address must be told whom one wants (SNI). */
export function redisOptions(url: string): RedisOptions {
  const { protocol, hostname } = new URL(url);
  const named = protocol === 'rediss:' && isIP(hostname.replaceAll(/[[\]]/g, '')) === 0;
  return { ...CONNECTION, ...(named && { tls: { servername: hostname } }) };
}

/** A connection that opens with its first command. Its failures are told to `onError`, never thrown. */
export function openRedis(url: string, onError: (error: Error) => void, options: RedisOptions): Redis {
  const client = new Redis(new URL(url).href, { ...redisOptions(url), lazyConnect: true, ...options });
  client.on('error', (error: Error) => onError(withoutCommand(error)));
  return client;
}

/** Ends a connection, whatever state it is in. */
export async function endRedis(client: Redis): Promise<void> {
  if (client.status === 'end') return;
  const end = once(client, 'end');
  client.disconnect();
  // A connection that waits for its next attempt has no socket whose end could be told.
  if (client.status !== 'reconnecting') await end;
}

/** ioredis hangs the command on its errors, with all arguments: passwords and payloads, which no log may see. */
export function withoutCommand(error: Error): Error {
  Reflect.deleteProperty(error, 'command');
  return error;
}
