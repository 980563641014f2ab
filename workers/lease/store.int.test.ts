import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Leases } from '#workers/lease/lease';
import { createPostgresLeases } from '#workers/lease/store';
import { createTestDatabase, type TestDatabase } from '#test/harness';

describe('Leases on PostgreSQL', () => {
  let database: TestDatabase;
  let leases: Leases;
  const errors: Error[] = [];
  const never = new AbortController().signal;

  beforeAll(async () => {
    database = await createTestDatabase();
    leases = createPostgresLeases({ connectionString: database.url, onError: (error) => errors.push(error) });
  });
  afterAll(() => database.drop());

  it('are held by one at a time; the next one waits until it is given up', async () => {
    const first = await leases.acquire('a', never);
    let hasSecond = false;
    const second = leases.acquire('a', never).then((lease) => {
      hasSecond = true;
      return lease;
    });
    const other = await leases.acquire('b', never);
    expect(hasSecond).toBe(false);
    await first.release();
    const lease = await second;
    expect(lease.lost.aborted).toBe(false);
    await lease.release();
    await other.release();
    expect(errors).toEqual([]);
  });

  it('are told that they are lost when their connection dies', async () => {
    const lease = await leases.acquire('c', never);
    const lost = new Promise((resolve) => lease.lost.addEventListener('abort', resolve));
    await database.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cairn-lease' AND datname = current_database()",
    );
    await lost;
    const next = await leases.acquire('c', never);
    await next.release();
    await lease.release();
  });

  it('are not waited for any longer than told', async () => {
    const lease = await leases.acquire('d', never);
    const stop = new AbortController();
    const waiting = leases.acquire('d', stop.signal);
    stop.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
    await lease.release();
  });

  it('wait for a server that is not there', async () => {
    const heard: Error[] = [];
    const stop = new AbortController();
    const elsewhere = createPostgresLeases({
      connectionString: 'postgres://nobody@127.0.0.1:1/none',
      onError: (error) => {
        heard.push(error);
        stop.abort();
      },
    });
    await expect(elsewhere.acquire('a', stop.signal)).rejects.toThrow(/abort/i);
    expect(heard[0]?.message).toMatch(/ECONNREFUSED/);
  });
});
