import { afterAll, beforeAll, expect, test } from 'vitest';

import { migrate } from '#platform/db';
import { MIGRATIONS } from '#migrations/index';
import type { TestDatabase } from '#test/harness';
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
