import { Redis } from 'ioredis';
import { Client } from 'pg';
import { expect, test } from 'vitest';

import { startOwnServices } from '#test/own-services';

async function onRedis<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null });
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('servers of a test’s own come back where they were, with what they had, after a kill and after a stop', async () => {
  await using own = await startOwnServices(['postgres', 'redis']);
  const { postgresUrl = '', redisUrl = '' } = own.addresses;
  await onRedis(redisUrl, (client) => client.set('kept', 'yes'));
  await query(postgresUrl, 'CREATE TABLE kept AS SELECT 1 AS one');
  const first = await own.pid('postgres');
  await own.signal('postgres', 'SIGKILL');
  await own.stop('redis');
  await expect(query(postgresUrl, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  await own.start('postgres');
  await own.start('redis');
  expect(await own.pid('postgres')).not.toBe(first);
  expect(await query(postgresUrl, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
  expect(await onRedis(redisUrl, (client) => client.get('kept'))).toBe('yes');
});

test('up leaves alone what runs, and one that was asked for alone is there alone', async () => {
  await using own = await startOwnServices(['redis']);
  expect(Object.keys(own.addresses).toSorted()).toEqual(['cache', 'processes', 'redisUrl']);
  const pid = await own.pid('redis');
  await own.start('redis');
  expect(await own.pid('redis')).toBe(pid);
  await own.stop('redis');
  expect(await own.pid('redis')).toBeUndefined();
});
