import { Redis } from 'ioredis';
import { startOwnServices } from '#test/own-services';

/** A Redis server of a test's own, which may be killed and emptied. */
export interface TestRedis extends AsyncDisposable {
  /** With its password. */
  readonly url: string;
  /** One command, on a connection of its own. */
  command(name: string, ...args: string[]): Promise<unknown>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** After a kill: at the same address, with what the killed one had written, or without. */
  startAgain(options: { readonly keepData: boolean }): Promise<void>;
}

export async function startTestRedis(): Promise<TestRedis> {
  const own = await startOwnServices(['redis']);
  const url = own.addresses.redisUrl ?? '';
  return {
    url,
    command: (name, ...args) => redisCommand(url, name, ...args),
    kill: () => own.signal('redis', 'SIGKILL'),
    startAgain: async ({ keepData }) => {
      if (!keepData) await own.emptyRedis();
      await own.start('redis');
    },
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  };
}

export async function redisCommand(url: string, name: string, ...args: string[]): Promise<unknown> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null });
  try {
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}
