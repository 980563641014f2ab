import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describePubSub, heard } from '#platform/pubsub/pubsub.contract';
import { createRedisPubSub } from '#platform/pubsub/redis-pubsub';
import type { RedisPubSub } from '#platform/pubsub/redis-pubsub';
import { startTestRedis } from '#test/redis-server';
import type { TestRedis } from '#test/redis-server';
import { selfSigned } from '#test/self-signed';

let redis: TestRedis;
const errors: Error[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
});

afterAll(async () => {
  await redis[Symbol.asyncDispose]();
});

function open(url = redis.url, prefix = 'test'): RedisPubSub {
  return createRedisPubSub({ url, prefix, onError: (error) => errors.push(error) });
}

describePubSub('Redis', () => Promise.resolve(open()));

describe('a doorbell on Redis', () => {
  it('does not hear those of another prefix', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const here = cleanUp.adopt(open(), (bell) => bell.close());
    const other = cleanUp.adopt(open(redis.url, 'other'), (bell) => bell.close());
    const head = heard();
    await here.subscribe('head', head.listen);
    await other.publish('head', 'theirs');
    await here.publish('head', 'ours');
    expect(await head.next()).toBe('ours');
  });

  it('listens again when its connections were killed, and tells that messages may be lost', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const here = cleanUp.adopt(open(), (bell) => bell.close());
    const head = heard();
    const keys = heard();
    await here.subscribe('head', head.listen);
    await here.subscribe('keys', keys.listen);
    for (let round = 0; round < 3; round++) {
      await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      expect(await head.next()).toBe('');
      expect(await keys.next()).toBe('');
      await here.publish('head', `round ${round}`);
      expect(await head.next()).toBe(`round ${round}`);
    }
  });

  it('begins subscriptions while Redis is away, tells them when it is there, and refuses to ring', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const server = cleanUp.use(await startTestRedis());
    await server.kill();
    const bell = cleanUp.adopt(open(server.url), (opened) => opened.close());
    const head = heard();
    await bell.subscribe('head', head.listen);
    await bell.subscribe('keys', heard().listen);
    await expect(bell.publish('head', 'lost')).rejects.toThrow();
    await expect(bell.check()).rejects.toThrow();
    await server.startAgain({ keepData: true });
    expect(await head.next()).toBe('');
    while (!(await succeeds(() => bell.check())));
    await bell.publish('head', 'found');
    expect(await head.next()).toBe('found');
  });

  it('closes while it cannot connect', async () => {
    const bell = open('redis://127.0.0.1:1');
    await bell.subscribe('head', () => undefined);
    await bell.close();
    await expect(bell.subscribe('head', () => undefined)).rejects.toThrow('closed');
    await expect(bell.publish('head', 'x')).rejects.toThrow('closed');
  });

  it('speaks TLS with a server that it trusts, and with no other', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const { cert, key } = selfSigned(new Date(Date.now() - 86_400_000), new Date(Date.now() + 86_400_000));
    const { hostname, port } = new URL(redis.url);
    const door = createServer({ cert, key }, (socket) => {
      const onward = connect({ host: hostname, port: Number(port) });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
      socket.pipe(onward).pipe(socket);
    }).listen(0, '127.0.0.1');
    cleanUp.defer(() => void door.close());
    await once(door, 'listening');
    const url = new URL(redis.url.replace('redis:', 'rediss:'));
    url.port = String((door.address() as AddressInfo).port);

    const stranger = cleanUp.adopt(open(url.href), (bell) => bell.close());
    await expect(stranger.check()).rejects.toThrow();
    expect(errors.map(String)).toContainEqual(expect.stringContaining('certificate'));
    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, cert]);
    cleanUp.defer(() => setDefaultCACertificates(trusted));
    const bell = cleanUp.adopt(open(url.href), (opened) => opened.close());
    const head = heard();
    await bell.subscribe('head', head.listen);
    await bell.publish('head', 'whispered');
    expect(await head.next()).toBe('whispered');
  });

  it('tells no password with its errors', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const wrong = new URL(redis.url);
    wrong.password = 'wr0ng-secret';
    const bell = cleanUp.adopt(open(wrong.href), (one) => one.close());
    const failed = await bell.publish('head', 'mess4ge').catch((error: unknown) => error);
    const text = JSON.stringify([failed, ...errors].map((error) => [String(error), error]));
    expect(text).toContain('WRONGPASS');
    expect(text).not.toMatch(/wr0ng-secret|mess4ge/);
  });
});

async function succeeds(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch {
    return false;
  }
}
