import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { JsonObject } from '#domain/event';
import { readRecord } from '#domain/event-parse';
import { OwnTrail } from '#journal/own-trail/own-trail';
import { ProcessLife } from '#journal/own-trail/process-life';
import { OwnEventStore } from '#journal/own-trail/store';
import { OwnProcessStore } from '#journal/store/own-process-store';
import { createTestDatabase, type TestDatabase } from '#test/harness';

let database: TestDatabase;
let running: Set<number>;
let errors: unknown[];

beforeAll(async () => void (database = await createTestDatabase()));
afterAll(() => database.drop());
beforeEach(async () => {
  running = new Set();
  errors = [];
  await database.pool.query('TRUNCATE own_event, own_process');
});

function life(pid: number, settings: Record<string, string> = {}, host = 'one'): ProcessLife {
  const trail = new OwnTrail({
    store: new OwnEventStore(database.pool),
    now: Date.now,
    nameOf: async () => undefined,
    ring: () => undefined,
    log: { error: () => undefined },
  });
  running.add(pid);
  return new ProcessLife({
    store: new OwnProcessStore(database.pool),
    trail,
    self: { id: randomUUID(), name: 'api', host, pid, version: '1', settings },
    isRunning: (one) => running.has(one),
    onError: (error) => void errors.push(error),
  });
}

async function told(): Promise<readonly [unknown, JsonObject][]> {
  const { rows } = await database.pool.query<{ record: string }>(
    'SELECT record FROM own_event ORDER BY number',
  );
  return rows.map(({ record }) => {
    const { eventName, serviceEventDetails } = readRecord(Buffer.from(record));
    return [eventName, Object(serviceEventDetails)];
  });
}

async function names(): Promise<unknown[]> {
  return (await told()).map(([name]) => name);
}

it('tells a start with what it was told, and its end', async () => {
  const one = life(1, { CAIRN_PORT: '4600' });
  await one.begin();
  await one.end();
  const [[name, details] = []] = await told();
  expect([name, details]).toEqual([
    'StartProcess',
    expect.objectContaining({ name: 'api', host: 'one', configuration: { CAIRN_PORT: '4600' } }),
  ]);
  expect(await names()).toEqual(['StartProcess', 'StopProcess']);
});

it('names what differs from the last start', async () => {
  const before = life(1, { same: 'a', other: 'b', gone: 'c' });
  await before.begin();
  await before.end();
  const after = life(2, { same: 'a', other: 'B', new: 'd' });
  await after.begin();
  await after.end();
  expect((await told()).find(([name]) => name === 'ConfigurationChanged')?.[1]['changes']).toEqual({
    gone: { before: 'c', after: null },
    new: { before: null, after: 'd' },
    other: { before: 'b', after: 'B' },
  });
});

it('tells once of an end that nobody told, however many begin after it', async () => {
  await life(1).begin();
  await life(2).begin();
  running.delete(1);
  await Promise.all([life(3).begin(), life(4).begin()]);
  expect((await names()).filter((name) => name === 'LoseProcess')).toHaveLength(1);
  // Whether a process of another host runs cannot be seen from here, until it is silent for long.
  running.clear();
  await life(1, {}, 'two').begin();
  expect((await names()).filter((name) => name === 'LoseProcess')).toHaveLength(1);
  await database.pool.query(`UPDATE own_process SET seen_at = now() - interval '1 hour' WHERE host = 'one'`);
  await life(9, {}, 'two').begin();
  expect((await names()).filter((name) => name === 'LoseProcess')).toHaveLength(4);
  expect(errors).toEqual([]);
});

it('does not keep a process from starting', async () => {
  await database.pool.query('ALTER TABLE own_process RENAME TO gone');
  try {
    const one = life(1);
    await one.begin();
    expect(errors).toHaveLength(1);
    await one.end();
  } finally {
    await database.pool.query('ALTER TABLE gone RENAME TO own_process');
  }
});
