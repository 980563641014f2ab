import { afterAll, beforeAll, expect, test } from 'vitest';

import { createPool, migrate } from '#platform/db';
import { MIGRATIONS } from '#migrations/index';
import type { TestDatabase } from '#test/harness';
import { startFaultProxy } from '#test/faults/fault-proxy';
import { createTestDatabase } from '#test/harness';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('a test database has every migration and a second run finds nothing to do', async () => {
  const found = await database.pool.query<{ name: string }>('SELECT name FROM migrations ORDER BY id');
  expect(found.rows.map((row) => row.name)).toEqual(MIGRATIONS.map((migration) => migration.name));
  expect(await migrate(database.url)).toEqual([]);
});

test('two processes that migrate at once do not get in each other’s way', async () => {
  await database.pool.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  const runs = await Promise.all([migrate(database.url), migrate(database.url)]);
  expect(runs.flat()).toEqual(MIGRATIONS.map((migration) => migration.name));
});

test('a connection that breaks in use fails its query and is reported, and the pool goes on', async () => {
  const reported: Error[] = [];
  const pool = createPool(database.url, { onError: (error) => reported.push(error) });
  const client = await pool.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
  await expect.poll(() => reported.length).toBeGreaterThan(0);
  await expect(client.query('SELECT 1')).rejects.toThrow();
  client.release(true);
  expect((await pool.query<{ one: number }>('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  await pool.end();
});

test('a database that takes a question and never answers is not waited for without end', async () => {
  await using proxy = await startFaultProxy(placeOf(database.url));
  const url = new URL(database.url);
  url.port = String(proxy.port);
  const pool = createPool(url.href, { statementTimeout: 100, max: 1, answerMargin: 100 });
  await pool.query('SELECT 1');
  await proxy.change('hang');
  await expect(pool.query('SELECT 1')).rejects.toThrow('Query read timeout');
  await proxy.change('pass');
  expect((await pool.query<{ one: number }>('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  await pool.end();
});

function placeOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
