import { afterAll, beforeAll, expect, test } from 'vitest';

import { createOrm } from '#platform/db';
import type { MikroORM } from '#platform/db';
import { ORGANIZATION_ENTITIES } from '#subgraphs/organization/index';
import { createTestDatabase } from '#test/harness';
import type { TestDatabase } from '#test/harness';

let database: TestDatabase;
let orm: MikroORM;
beforeAll(async () => {
  database = await createTestDatabase();
  orm = await createOrm(database.url, ORGANIZATION_ENTITIES);
});
afterAll(async () => {
  await orm?.close(true);
  await database?.drop();
});

interface Column {
  readonly type: string;
  readonly nullable: boolean;
}

/** The ORM's names of types as PostgreSQL's own; lengths and precision are the migrations' to say. */
function ownName(type: string): string {
  const known: Record<string, string> = {
    varchar: 'text',
    timestamptz: 'timestamp with time zone',
    int: 'integer',
  };
  const plain = type.replace(/\(\d+\)/, '');
  return known[plain] ?? plain;
}

async function columnsOf(table: string): Promise<Record<string, Column>> {
  const { rows } = await database.pool.query<{ name: string; type: string; nullable: boolean }>(
    `SELECT attname AS name, format_type(atttypid, NULL) AS type, NOT attnotnull AS nullable
     FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
    [table],
  );
  return Object.fromEntries(rows.map(({ name, ...column }) => [name, column]));
}

test.each(ORGANIZATION_ENTITIES.map((entity) => [entity.meta.tableName, entity] as const))(
  'the entity of table %s says of its columns what the migrations made',
  async (table, entity) => {
    const { props } = orm.getMetadata().get(entity.meta.class);
    const said = props.flatMap(({ fieldNames, columnTypes, nullable }) =>
      fieldNames.map((name, at) => [
        name,
        { type: ownName(columnTypes[at] ?? ''), nullable: nullable === true },
      ]),
    );
    const made = await columnsOf(table);
    expect(Object.keys(made).length).toBeGreaterThan(0);
    expect(Object.fromEntries(said)).toEqual(made);
  },
);
