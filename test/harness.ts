import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { inject } from 'vitest';

import type { Pool } from '#platform/db';
import { createPool, migrate } from '#platform/db';
import type { RunningPostgres } from '#platform/postgres/start-postgres';
import { startPostgres } from '#platform/postgres/start-postgres';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the run's one PostgreSQL (test/postgres-setup.ts). */
    postgresUrl: string;
    /** The migrated database there that `createTestDatabase` copies. */
    postgresTemplate: string;
  }
}

/** A server in a temporary folder that goes away with it. */
export interface TestPostgres extends RunningPostgres {
  readonly dataDir: string;
}

export interface TestDatabase {
  readonly url: string;
  readonly pool: Pool;
  drop(): Promise<void>;
}

const PREFIX = 'cairn-test-';

/** A temporary folder that PostgreSQL's unprivileged user can reach too. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  await chmod(folder, 0o711);
  return folder;
}

/**
 * A server of its own, for tests that kill one; all others share the run's (`createTestDatabase`). The disk
 * is not waited for unless told: a process that is killed loses nothing that it wrote.
 */
export async function startTestPostgres(settings: Record<string, string> = {}): Promise<TestPostgres> {
  const dataDir = await temporaryFolder();
  const server = await startPostgres({ dataDir, settings: { fsync: 'off', ...settings } });
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { ...server, dataDir, stop };
}

/** Makes the migrated database that `createTestDatabase` copies. Runs at once on one server have one each. */
export async function createTemplate(url: string): Promise<{ name: string; drop: () => Promise<void> }> {
  const name = `template_${randomBytes(8).toString('hex')}`;
  await onServer(url, `CREATE DATABASE ${name}`);
  await migrate(withDatabase(url, name));
  return { name, drop: () => onServer(url, `DROP DATABASE ${name} WITH (FORCE)`) };
}

/** A fresh migrated database on the run's server. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = inject('postgresUrl');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(server, `CREATE DATABASE ${name} TEMPLATE ${inject('postgresTemplate')}`);
  const url = withDatabase(server, name);
  const pool = createPool(url);
  const drop = async (): Promise<void> => {
    await pool.end();
    await onServer(server, `DROP DATABASE ${name} WITH (FORCE)`);
  };
  return { url, pool, drop };
}

/** Stops the servers and removes the folders that killed test runs left. */
export async function sweepLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner === undefined || isRunning(Number(owner))) continue;
    const dataDir = join(tmpdir(), name);
    if ((await readdir(dataDir)).includes('postgres')) await (await startPostgres({ dataDir })).stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // ESRCH, or another user's process: either way not a test run of ours.
    return false;
  }
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
