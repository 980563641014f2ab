import { afterAll, beforeAll, expect, test } from 'vitest';

import { createPool, migrate } from '#platform/db';
import type { Pool } from '#platform/db';
import { majorVersion, readCatalog } from '#test/catalog';
import { createTestDatabase, startTestPostgres } from '#test/harness';
import type { TestDatabase, TestPostgres } from '#test/harness';

/** The oldest that we say runs; the services' is Debian's. */
const OLDEST = 15;

let service: TestDatabase;
let server: TestPostgres;
let embedded: Pool;
beforeAll(async () => {
  // Copied from the run's template, on which every migration ran.
  service = await createTestDatabase();
  server = await startTestPostgres();
  await migrate(server.url);
  embedded = createPool(server.url);
});
afterAll(async () => {
  await embedded?.end();
  await server?.stop();
  await service?.drop();
});

test('every migration gives the same shape on the services’ PostgreSQL and on the embedded one', async () => {
  expect(await majorVersion(service.pool)).toBeGreaterThanOrEqual(OLDEST);
  expect(await majorVersion(embedded)).toBeGreaterThanOrEqual(18);
  const shape = await readCatalog(embedded);
  expect(await readCatalog(service.pool)).toEqual(shape);
  // The comparison sees what it is meant to see.
  expect(shape['relations']).toContainEqual(expect.stringMatching(/^journal_key p .*RANGE \(hour\)/));
  expect(shape['columns']).toContainEqual(expect.stringMatching(/^journal_tail_0 \d+ payload .*STORAGE e/));
  expect(shape['functions']?.join()).toContain('journal_commit');
});

test('a difference of a column, an index, a constraint or a function is seen', async () => {
  const before = await readCatalog(service.pool);
  const changes = {
    relations: `ALTER TABLE account SET (fillfactor = 50)`,
    columns: `ALTER TABLE account ALTER COLUMN name DROP NOT NULL`,
    indexes: `CREATE INDEX another ON account (name)`,
    constraints: `ALTER TABLE account ADD CHECK (name <> '')`,
    functions: `CREATE FUNCTION another() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
  };
  for (const [part, change] of Object.entries(changes)) {
    await service.pool.query(change);
    const after = await readCatalog(service.pool);
    expect(after[part], part).not.toEqual(before[part]);
  }
});

test('a second run finds nothing to do on either', async () => {
  expect(await migrate(service.url)).toEqual([]);
  expect(await migrate(server.url)).toEqual([]);
});
