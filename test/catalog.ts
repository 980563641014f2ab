import type { Pool } from '#platform/db';

/** What a database's public schema consists of, a line each: the same shape gives the same lines everywhere. */
export type Catalog = Readonly<Record<string, readonly string[]>>;

const RELATION = `
  FROM pg_class AS relation
  JOIN pg_namespace AS space ON space.oid = relation.relnamespace AND space.nspname = 'public'`;

/** Each gives one column of text. Names that the server makes up itself are the same in all versions. */
const QUERIES = {
  relations: `
    SELECT concat_ws(' ', relation.relname, relation.relkind, relation.relpersistence,
      array_to_string(relation.reloptions, ','), pg_get_partkeydef(relation.oid),
      pg_get_expr(relation.relpartbound, relation.oid), obj_description(relation.oid, 'pg_class')) AS line
    ${RELATION} WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')`,
  columns: `
    SELECT concat_ws(' ', relation.relname, attribute.attnum, attribute.attname,
      format_type(attribute.atttypid, attribute.atttypmod),
      CASE WHEN attribute.attnotnull THEN 'NOT NULL' END,
      CASE WHEN attribute.attcollation <> kind.typcollation THEN 'COLLATE ' || collation_.collname END,
      'STORAGE ' || attribute.attstorage::text, nullif(attribute.attidentity::text, ''), nullif(attribute.attgenerated::text, ''),
      'DEFAULT ' || pg_get_expr(default_.adbin, default_.adrelid),
      col_description(relation.oid, attribute.attnum)) AS line
    ${RELATION}
    JOIN pg_attribute AS attribute
      ON attribute.attrelid = relation.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
    JOIN pg_type AS kind ON kind.oid = attribute.atttypid
    LEFT JOIN pg_collation AS collation_ ON collation_.oid = attribute.attcollation
    LEFT JOIN pg_attrdef AS default_ ON default_.adrelid = relation.oid AND default_.adnum = attribute.attnum
    WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'f')`,
  indexes: `SELECT indexdef AS line FROM pg_indexes WHERE schemaname = 'public'`,
  // From PostgreSQL 18 on NOT NULL is a constraint, too; the columns above say it in all versions.
  constraints: `
    SELECT concat_ws(' ', relation.relname, found.conname, pg_get_constraintdef(found.oid)) AS line
    ${RELATION} JOIN pg_constraint AS found ON found.conrelid = relation.oid AND found.contype <> 'n'`,
  functions: `
    SELECT pg_get_functiondef(found.oid) AS line FROM pg_proc AS found
    JOIN pg_namespace AS space ON space.oid = found.pronamespace AND space.nspname = 'public'`,
  triggers: `
    SELECT pg_get_triggerdef(found.oid) AS line
    ${RELATION} JOIN pg_trigger AS found ON found.tgrelid = relation.oid AND NOT found.tgisinternal`,
  types: `
    SELECT concat_ws(' ', kind.typname, kind.typtype) AS line FROM pg_type AS kind
    JOIN pg_namespace AS space ON space.oid = kind.typnamespace AND space.nspname = 'public'
    WHERE kind.typtype <> 'b'`,
  extensions: `SELECT extname AS line FROM pg_extension`,
};

export async function readCatalog(pool: Pool): Promise<Catalog> {
  const catalog: Record<string, readonly string[]> = {};
  for (const [name, query] of Object.entries(QUERIES)) {
    const { rows } = await pool.query<{ line: string }>(query);
    catalog[name] = rows.map(({ line }) => line).toSorted();
  }
  return catalog;
}

/** 15, 18 ... */
export async function majorVersion(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ number: number }>(
    `SELECT current_setting('server_version_num')::int / 10000 AS number`,
  );
  return rows[0]?.number ?? 0;
}
