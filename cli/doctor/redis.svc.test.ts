import { expect, test } from 'vitest';
import { examineRedis } from '#cli/doctor/redis';
import { redisCommand, startTestRedis } from '#test/redis-server';

test('doctor says which Redis it is, whether it keeps what it is given, and why it cannot be reached', async () => {
  await using redis = await startTestRedis();
  const examine = (redisUrl: string | undefined) => examineRedis({ redisUrl });
  expect(await examine(undefined)).toEqual([]);
  expect(await examine(redis.url)).toEqual([
    { check: 'Redis', state: 'ok', found: expect.stringMatching(/^Redis \d+\.\d+/) },
  ]);
  await redisCommand(redis.url, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  expect(await examine(redis.url)).toMatchObject([
    { state: 'warning', found: expect.stringContaining('allkeys-lru') },
  ]);
  const wrong = new URL(redis.url);
  wrong.password = 'wr0ng';
  const [refused] = await examine(wrong.href);
  expect(refused).toMatchObject({ state: 'trouble', found: expect.stringContaining('WRONGPASS') });
  expect(JSON.stringify(refused)).not.toContain('wr0ng');
  await redis.kill();
  expect(await examine(redis.url)).toMatchObject([
    { state: 'trouble', found: expect.stringContaining('ECONNREFUSED') },
  ]);
});
