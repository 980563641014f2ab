import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadTables, type LoadOptions } from '#platform/postgres/table-load';
import { TableSnapshot, type SequenceState, type TableShape } from '#platform/postgres/table-snapshot';
import { createTestDatabase, type TestDatabase } from '#test/harness';

/** Two tables, the first of which refers to the second, in an order that their names do not tell. */
const SHAPE = `
  CREATE TABLE zz_owner (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
  CREATE TABLE aa_thing (
    owner bigint REFERENCES zz_owner, bytes bytea, document jsonb, at timestamptz, parts text[], span interval,
    real double precision, twice double precision GENERATED ALWAYS AS (real * 2) STORED);
  CREATE TABLE busy (number integer)`;

let source: TestDatabase;
let target: TestDatabase;

beforeEach(async () => {
  source = await createTestDatabase();
  target = await createTestDatabase();
  for (const { pool } of [source, target]) await pool.query(SHAPE);
  await source.pool.query(`INSERT INTO zz_owner (name) VALUES ('a'), (E'tab\\there\\\\N\\n'), (NULL)`);
  await source.pool.query(
    `INSERT INTO aa_thing VALUES
      (2, '\\x00ff0a09', '{"a": [1, "\\u00e9"]}', '2026-02-03 04:05:06.789012+09', '{"x,y",NULL,"\\"q\\""}', '1 year 2 days 3.5 s', 0.1),
      (NULL, NULL, NULL, NULL, NULL, NULL, 'NaN')`,
  );
  await source.pool.query('INSERT INTO busy SELECT generate_series(1, 1000)');
});
afterEach(async () => {
  await source.drop();
  await target.drop();
});

interface Copy {
  readonly tables: readonly { readonly shape: TableShape; readonly bytes: Buffer }[];
  readonly sequences: readonly SequenceState[];
}

/** Copies `busy` under the lock, and the rest after `between`. */
async function copyOut(between: () => Promise<void> = () => Promise.resolve()): Promise<Copy> {
  const tables: { shape: TableShape; bytes: Buffer }[] = [];
  const copy = async (snapshot: TableSnapshot, locked: boolean): Promise<void> => {
    for (const shape of await snapshot.tables()) {
      const ours = ['aa_thing', 'zz_owner', 'busy'].includes(shape.name);
      if (!ours || (shape.name === 'busy') !== locked) continue;
      tables.push({ shape, bytes: await buffer(snapshot.copyOut(shape)) });
    }
  };
  await using snapshot = await TableSnapshot.take(source.pool, ['busy'], (locked) => copy(locked, true));
  await between();
  await copy(snapshot, false);
  return { tables, sequences: await snapshot.sequences() };
}

async function load({ tables, sequences }: Copy, options: Partial<LoadOptions> = {}): Promise<void> {
  await loadTables(target.pool, {
    tables: tables.map(({ shape, bytes }) => ({ ...shape, open: () => Readable.from([bytes]) })),
    sequences,
    prepare: () => Promise.resolve(),
    finish: () => Promise.resolve(),
    ...options,
  });
}

async function rowsOf({ pool }: TestDatabase): Promise<unknown> {
  const found = [];
  for (const table of ['zz_owner', 'aa_thing', 'busy']) {
    found.push((await pool.query(`SELECT * FROM ${table}`)).rows);
  }
  return found;
}

describe('tables copied out and in', () => {
  it('are the same, whatever is in them, and sequences go on', async () => {
    await load(await copyOut());
    expect(await rowsOf(target)).toEqual(await rowsOf(source));
    await target.pool.query(`INSERT INTO zz_owner (name) VALUES ('next')`);
    const { rows } = await target.pool.query('SELECT max(id) AS id FROM zz_owner');
    expect(rows).toEqual([{ id: '4' }]);
  });

  it('are of one moment, though rows change and a table is truncated meanwhile', async () => {
    const before = await rowsOf(source);
    const copy = await copyOut(async () => {
      await source.pool.query(
        `TRUNCATE busy; DELETE FROM aa_thing; INSERT INTO zz_owner (name) VALUES ('new')`,
      );
    });
    await load(copy);
    expect(await rowsOf(target)).toEqual(before);
  });

  it('are all there or not at all', async () => {
    await target.pool.query(`INSERT INTO zz_owner (name) VALUES ('mine')`);
    const before = await rowsOf(target);
    const copy = await copyOut();
    const end = { finish: () => Promise.reject(new Error('cut')) };
    await expect(load(copy, end)).rejects.toThrow('cut');
    expect(await rowsOf(target)).toEqual(before);
    const [first, ...others] = copy.tables;
    const cut = { shape: first?.shape ?? { name: '', columns: [] }, bytes: Buffer.from('not a number\n') };
    await expect(load({ ...copy, tables: [cut, ...others] })).rejects.toMatchObject({ code: '22P02' });
    expect(await rowsOf(target)).toEqual(before);
  });
});
