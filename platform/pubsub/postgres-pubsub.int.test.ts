import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgresPubSub } from '#platform/pubsub/postgres-pubsub';
import { describePubSub, heard } from '#platform/pubsub/pubsub.contract';
import type { PubSub } from '#platform/pubsub/pubsub';
import { createTestDatabase } from '#test/harness';
import type { TestDatabase } from '#test/harness';

let database: TestDatabase;
const errors: Error[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
});

function open(): PubSub {
  return createPostgresPubSub({
    connectionString: database.url,
    onError: (error) => errors.push(error),
  });
}

describePubSub('PostgreSQL NOTIFY', () => Promise.resolve(open()));

describe('a doorbell on PostgreSQL whose connections are killed', () => {
  it('listens again, tells that messages may be lost, and carries the next ones', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const here = cleanUp.adopt(open(), (bell) => bell.close());
    const head = heard();
    const keys = heard();
    await here.subscribe('head', head.listen);
    await here.subscribe('keys', keys.listen);

    for (let round = 0; round < 3; round++) {
      const killed = await database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name IN ('cairn-listen', 'cairn-publish')`,
      );
      expect(killed.rowCount).toBeGreaterThan(0);
      expect(await head.next()).toBe('');
      expect(await keys.next()).toBe('');
      await here.publish('head', `round ${round}`);
      expect(await head.next()).toBe(`round ${round}`);
    }
    expect(errors.some((error) => error.message.includes('terminating connection'))).toBe(true);
  });

  it('closes while it cannot connect', async () => {
    const bell = createPostgresPubSub({
      connectionString: 'postgres://nobody@127.0.0.1:1/none',
      onError: (error) => errors.push(error),
    });
    await expect(bell.subscribe('head', () => undefined)).rejects.toThrow('ECONNREFUSED');
    await bell.close();
    await expect(bell.subscribe('head', () => undefined)).rejects.toThrow('closed');
  });
});
