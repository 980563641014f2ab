import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOrm, createPool } from '#platform/db';
import { isDatabaseAway } from '#platform/database-errors';
import { startFaultProxy, type FaultProxy } from '#test/faults/fault-proxy';
import { createTestDatabase, type TestDatabase } from '#test/harness';

describe('a statement of a database that', () => {
  let database: TestDatabase;
  let proxy: FaultProxy;
  let url: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    const { hostname, port } = new URL(database.url);
    proxy = await startFaultProxy({ host: hostname, port: Number(port) });
    const place = new URL(database.url);
    place.port = String(proxy.port);
    url = place.href;
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await database.drop();
  });

  it('breaks off in the middle, refuses, or gives it up can be tried again, whoever asks', async () => {
    const pool = createPool(url, { statementTimeout: 50, onError: () => undefined });
    const orm = await createOrm(url, []);
    const failures: unknown[] = [];
    const fails = async (work: () => Promise<unknown>): Promise<void> => {
      failures.push(
        await work().then(
          () => 'nothing failed',
          (error: unknown) => error,
        ),
      );
    };
    await fails(() => pool.query('SELECT pg_sleep(1)'));
    for (const ask of [
      () => pool.query('SELECT pg_sleep(0.04)'),
      () => orm.em.fork().getConnection().execute('SELECT pg_sleep(0.2)'),
    ]) {
      const asked = fails(ask);
      await delay(20);
      proxy.cut();
      await asked;
    }
    await proxy.change('refuse');
    await fails(() => pool.query('SELECT 1'));
    await fails(() => orm.em.fork().getConnection().execute('SELECT 1'));
    await proxy.change('pass');
    await pool.end();
    await orm.close(true);
    expect(failures.filter((error) => !isDatabaseAway(error))).toEqual([]);
    expect(failures).toHaveLength(5);
  });

  it('says what is wrong with it stays a fault', async () => {
    const pool = createPool(url);
    const error: unknown = await pool.query('SELECT nothing').catch((reason: unknown) => reason);
    await pool.end();
    expect(isDatabaseAway(error)).toBe(false);
    expect(isDatabaseAway(new Error('null for EventConnection.edges: Connection'))).toBe(false);
    expect(isDatabaseAway(undefined)).toBe(false);
  });
});
