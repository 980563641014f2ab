import type { EntitySchema } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { Migrator } from '@mikro-orm/migrations';
import type { PoolClient } from 'pg';
import { Client, Pool } from 'pg';

import { MIGRATIONS } from '#migrations/index';

export type { Pool, PoolClient } from 'pg';
export type { MikroORM } from '@mikro-orm/postgresql';

export interface PoolOptions {
  /** Connections at most; 10 unless told. */
  readonly max?: number;
  /** Shown in pg_stat_activity. */
  readonly name?: string;
  /** Milliseconds after which the server gives a statement up; 30,000 unless told, 0 = never. */
  readonly statementTimeout?: number;
  /** Milliseconds by which an answer may come later than the server gives a statement up; 5,000 unless told. */
  readonly answerMargin?: number;
  /** Hears of idle connections that broke (the server restarted); the pool replaces them. */
  readonly onError?: (error: Error) => void;
}

/** Milliseconds to wait for a connection, from the server or from the pool. */
const CONNECT_TIMEOUT_MS = 10_000;

/** The ORM's, of what ran; not one of the installation's own. */
export const MIGRATIONS_TABLE = 'migrations';

/** A network can swallow a question and its time-out. */
const ANSWER_MARGIN_MS = 5_000;

/** Held while migrations run, so that two processes that start at once do not run them twice. */
const MIGRATION_LOCK = 0x6361_6972;

/** Connections for bulk paths, which speak SQL themselves. */
export function createPool(url: string, options: PoolOptions = {}): Pool {
  const statementTimeout = options.statementTimeout ?? 30_000;
  const pool = new Pool({
    connectionString: url,
    max: options.max ?? 10,
    application_name: options.name ?? 'cairn',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeout,
    ...(statementTimeout > 0 && {
      query_timeout: statementTimeout + (options.answerMargin ?? ANSWER_MARGIN_MS),
    }),
    keepAlive: true,
  });
  // Without a listener a lost connection would end the process: an idle one by the pool's event, one that is
  // checked out by its own, beside the error of its query.
  pool.on('error', (error) => options.onError?.(error));
  pool.on('connect', (client) => client.on('error', (error) => options.onError?.(error)));
  return pool;
}

/** The ORM over the entities (`defineEntity`) of the rooms that keep rows of their own. */
export async function createOrm(url: string, entities: readonly EntitySchema[]): Promise<MikroORM> {
  return MikroORM.init({
    clientUrl: url,
    entities: [...entities],
    discovery: { warnWhenNoEntities: false },
    extensions: [Migrator],
    migrations: { migrationsList: [...MIGRATIONS], tableName: MIGRATIONS_TABLE, snapshot: false, emit: 'ts' },
    pool: { min: 0, max: 10 },
    // It would tell every migration on standard output, which belongs to answers.
    logger: () => undefined,
  });
}

/** The migrations that ran, oldest first; none for a database without their table. */
export async function appliedMigrations(client: Pick<PoolClient, 'query'>): Promise<readonly string[]> {
  const found = await client.query<{ there: boolean }>(
    `SELECT to_regclass('public.${MIGRATIONS_TABLE}') IS NOT NULL AS there`,
  );
  if (found.rows[0]?.there !== true) return [];
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY id`);
  return rows.map(({ name }) => name);
}

/**
 * Brings the database to the newest shape, or to that of the migration `to`, and names what it ran. Safe to run
 * from several processes.
 */
export async function migrate(url: string, to?: string): Promise<readonly string[]> {
  const lock = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await lock.connect();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const orm = await createOrm(url, []);
    try {
      const done = await orm.migrator.up(to === undefined ? undefined : { to });
      return done.map((migration) => migration.name);
    } finally {
      await orm.close(true);
    }
  } finally {
    await lock.end();
  }
}

/** The migrations that this version knows and the database has not seen. Changes nothing. */
export async function pendingMigrations(url: string): Promise<readonly string[]> {
  const orm = await createOrm(url, []);
  try {
    const pending = await orm.migrator.getPending();
    return pending.map((migration) => migration.name);
  } finally {
    await orm.close(true);
  }
}

/** Does the work while nobody else, on any machine, does work under the same number; waits for its turn. */
export async function exclusively<T>(url: string, lock: number, work: () => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lock]);
    return await work();
  } finally {
    await client.end();
  }
}

/** All that `work` does with the client holds, or nothing of it. */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query('BEGIN');
    const value = await work(client);
    await client.query('COMMIT');
    return value;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => (broken = true));
    throw error;
  } finally {
    client.release(broken);
  }
}
