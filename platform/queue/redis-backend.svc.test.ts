import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createBullQueue } from '#platform/queue/bull-queue';
import { redisBackend } from '#platform/queue/redis-backend';
import { Runs, describeQueue, until } from '#platform/queue/queue.contract';
import type { JobKind, Queue } from '#platform/queue/queue';
import { redisCommand, startTestRedis } from '#test/redis-server';
import { freshRedis } from '#test/services';
import type { TestRedisPlace } from '#test/services';

const WORK: JobKind = { name: 'work', attempts: 1, backOff: { kind: 'fixed', delayMs: 10 } };

let redis: TestRedisPlace;
const errors: Error[] = [];

beforeAll(async () => {
  redis = await freshRedis();
});

function open(name: string, url = redis.url): Queue {
  const onError = (error: Error): void => void errors.push(error);
  return createBullQueue({
    backend: redisBackend({ url, prefix: redis.prefix, onError }),
    name,
    lockMs: 1_000,
    graceMs: 2_000,
    patienceMs: 1_000,
    onError,
  });
}

describeQueue('BullMQ on Redis', open);

describe('BullMQ on Redis', () => {
  it('keeps its keys under the prefix', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const name = `q${randomUUID()}`;
    const queue = cleanUp.adopt(open(name), (opened) => opened.close());
    await queue.add(WORK, {}, { id: 'one' });
    const keys = (await redisCommand(redis.url, 'KEYS', '*')) as string[];
    expect(keys).toContain(`${redis.prefix}:${name}-jobs:one`);
    expect(keys.filter((key) => !key.startsWith(`${redis.prefix}:`))).toEqual([]);
  });

  it('refuses in bounded time what it is asked while Redis is away, and goes on when it is back', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const server = cleanUp.use(await startTestRedis());
    const queue = cleanUp.adopt(open('q', server.url), (opened) => opened.close());
    const runs = new Runs();
    await queue.process(runs.handlers({ work: () => Promise.resolve() }));
    await queue.add(WORK, {}, { id: 'before' });
    await until(async () => (await queue.find('before')) === 'done');
    await server.kill();
    // Without the bound this would wait for ever, and the test's own time-out would tell.
    await expect(queue.add(WORK, {}, { id: 'lost' })).rejects.toThrow();
    await expect(queue.find('before')).rejects.toThrow();
    await server.startAgain({ keepData: false });
    await until(() => succeeds(() => queue.add(WORK, {}, { id: 'after' })));
    await until(async () => (await queue.find('after')) === 'done');
    expect(runs.of('after')).toHaveLength(1);
  });

  it('can be opened, told to work and closed while Redis is away; works once it is there', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const server = cleanUp.use(await startTestRedis());
    await server.kill();
    const closed = open('q', server.url);
    await closed.process(new Map());
    await closed.close();

    const queue = cleanUp.adopt(open('q', server.url), (opened) => opened.close());
    const runs = new Runs();
    await queue.process(runs.handlers({ work: () => Promise.resolve() }));
    await server.startAgain({ keepData: true });
    await until(() => succeeds(() => queue.add(WORK, {}, { id: 'first' })));
    await until(async () => (await queue.find('first')) === 'done');
    expect(runs.of('first')).toHaveLength(1);
  });

  it('takes jobs and schedules again after FLUSHALL under a running job', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const server = cleanUp.use(await startTestRedis());
    const queue = cleanUp.adopt(open('q', server.url), (opened) => opened.close());
    const tick: JobKind = { ...WORK, name: 'tick' };
    const schedules = [{ kind: tick, schedule: { everyMs: 50 } }];
    const runs = new Runs();
    let finish = (): void => undefined;
    const busy = new Promise<void>((resolve) => (finish = resolve));
    await queue.process(
      runs.handlers({
        work: (job) => (job.id === 'long' ? busy : Promise.resolve()),
        tick: () => Promise.resolve(),
      }),
    );
    expect(await queue.restoreSchedules(schedules)).toBe(1);
    expect(await queue.restoreSchedules(schedules)).toBe(0);
    await queue.add(WORK, {}, { id: 'long' });
    await until(async () => (await queue.find('long')) === 'active');
    await server.command('FLUSHALL');
    expect(await queue.find('long')).toBe('unknown');
    finish();
    await queue.add(WORK, {}, { id: 'next' });
    await until(async () => (await queue.find('next')) === 'done');
    expect(await queue.restoreSchedules(schedules)).toBe(1);
    await runs.count(runs.all.length + 3);
    expect(await queue.deadLetters(10)).toEqual([]);
  });

  it('tells no password and no payload with its errors', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const told: Error[] = [];
    const url = withPassword(redis.url, 'wr0ng-secret');
    const backend = redisBackend({ url, prefix: 'test', onError: (error) => told.push(error) });
    const onError = (error: Error): void => void told.push(error);
    const queue = cleanUp.adopt(createBullQueue({ backend, onError, patienceMs: 100 }), (one) => one.close());
    await queue.process(new Map());
    const failed = await queue.add(WORK, { text: 'payl0ad' }, { id: 'one' }).catch((error: unknown) => error);
    const text = JSON.stringify([failed, ...told].map((error) => [String(error), error]));
    expect(text).toContain('WRONGPASS');
    expect(text).not.toMatch(/wr0ng-secret|payl0ad/);
  });
});

function withPassword(url: string, password: string): string {
  const changed = new URL(url);
  changed.password = password;
  return changed.href;
}

async function succeeds(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch {
    return false;
  }
}
