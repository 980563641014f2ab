import { expect, test } from 'vitest';
import { redisOptions, withoutCommand } from '#platform/pubsub/redis-connection';

test('a TLS server is told its name, unless it has none', () => {
  expect(redisOptions('rediss://user:pw@redis.example.com:6380/2').tls).toEqual({
    servername: 'redis.example.com',
  });
  expect(redisOptions('rediss://10.0.0.1:6380').tls).toBeUndefined();
  expect(redisOptions('rediss://[::1]:6380').tls).toBeUndefined();
  expect(redisOptions('redis://redis.example.com').tls).toBeUndefined();
});

test('pauses between attempts grow, end at a few seconds, and are not the same for all', () => {
  const { retryStrategy } = redisOptions('redis://127.0.0.1');
  const pauses = Array.from({ length: 50 }, (_, index) => Number(retryStrategy?.(index + 1)));
  expect(pauses[0]).toBeLessThanOrEqual(125);
  expect(Math.min(...pauses.slice(10))).toBeGreaterThanOrEqual(1_500);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(2_500);
  expect(new Set(pauses).size).toBeGreaterThan(1);
});

test('an error keeps its message and loses the command that it carries', () => {
  const error = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['secret'] } });
  expect(JSON.stringify([withoutCommand(error), error.message])).toBe('[{},"WRONGPASS"]');
});
