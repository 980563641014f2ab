import { Redis } from 'ioredis';
import { expect, test } from 'vitest';

import { createTestDatabase } from '#test/harness';
import { freshRedis, services } from '#test/services';

test('every service is there and is the one that production runs on', async () => {
  const { opensearchUrl, s3, moto } = services();
  const opensearch = (await (await fetch(opensearchUrl)).json()) as { version: { number: string } };
  expect(opensearch.version.number).toMatch(/^3\./);
  // Without a signature S3 refuses.
  expect((await fetch(s3.endpoint)).status).toBe(403);
  expect((await fetch(`${moto.endpoint}/moto-api/`)).status).toBe(200);
});

test('a test’s database is a migrated one on PostgreSQL 15 or newer, and waits for the disk', async () => {
  const database = await createTestDatabase();
  try {
    const { rows } = await database.pool.query<{ version: number; fsync: string; migrations: number }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('fsync') AS fsync,
        (SELECT count(*)::int FROM migrations) AS migrations`,
    );
    expect(rows[0]).toMatchObject({ fsync: 'on' });
    // Which one it is `services.mjs up` says; 15 where the system has it.
    expect(rows[0]?.version).toBeGreaterThanOrEqual(15);
    expect(rows[0]?.migrations).toBeGreaterThan(0);
  } finally {
    await database.drop();
  }
});

test('tests get different databases of one Redis that keeps what BullMQ needs', async () => {
  const [one, other] = [await freshRedis(), await freshRedis()];
  expect(new URL(one.url).pathname).not.toBe(new URL(other.url).pathname);
  const client = new Redis(one.url, { lazyConnect: true, retryStrategy: null });
  try {
    expect(await client.dbsize()).toBe(0);
    expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    expect(await client.config('GET', 'appendonly')).toEqual(['appendonly', 'yes']);
  } finally {
    client.disconnect();
  }
});
