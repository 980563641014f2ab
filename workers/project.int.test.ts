import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createPostgresPubSub } from '#platform/pubsub/postgres-pubsub';
import { HistoryProjection } from '#projections/history/history-projection';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';
import { createPostgresLeases } from '#workers/lease/store';
import { Projector } from '#workers/project';
import { createJournalBed, newEvents } from '#test/journal-bed';

const ERASED = '222222222222';
const KEPT = '333333333333';

describe('Event history of a real journal', () => {
  it('follows it by the doorbell, forgets an account with it, and is rebuilt from it', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const bed = cleanUp.use(await createJournalBed());
    const errors: Error[] = [];
    const onError = (error: Error): void => void errors.push(error);
    const connectionString = bed.database.url;
    const pubsub = cleanUp.adopt(createPostgresPubSub({ connectionString, onError }), (bell) => bell.close());
    const journal = await bed.open({}, pubsub);
    const folder = join(bed.folder, 'history');
    const index = cleanUp.adopt(new SqliteHistoryIndex(folder, journal), (one) => one.close());
    const projector = cleanUp.adopt(
      new Projector({
        projection: new HistoryProjection(folder),
        journal,
        pubsub,
        leases: createPostgresLeases({ connectionString, onError }),
        onError,
        pace: { slice: 100 },
      }),
      (one) => one.stop(),
    );
    projector.start();
    const append = async (from: number, account: string, note: string): Promise<void> => {
      const events = newEvents(from, from + 250, { account, note });
      await journal.append({ source: 'key:test', received: events.length, refused: 0, events });
    };
    const found = async (word: string): Promise<number> =>
      (await index.counts({ filter: { kind: 'words', words: [word] }, accounts: 'ALL' })).total;

    await append(0, KEPT, 'keepword');
    await append(1000, ERASED, 'erasedword');
    await projector.settled();
    expect([await found('keepword'), await found('erasedword')]).toEqual([250, 250]);
    expect(await index.freshness()).toEqual({ eventsBehind: 0, secondsBehind: 0 });

    await journal.erase({ account: ERASED, before: undefined });
    await projector.erase({ account: ERASED, before: undefined });
    expect([await found('keepword'), await found('erasedword')]).toEqual([250, 0]);
    expect(await bytesOf(folder)).not.toContain('erasedword');
    expect(await bytesOf(folder)).toContain('keepword');

    const before = await index.search({
      filter: { kind: 'all' },
      accounts: 'ALL',
      order: 'TIME_ASC',
      limit: 1000,
    });
    expect(await projector.rebuild(async () => undefined, new AbortController().signal)).toBe(250);
    const after = await index.search({
      filter: { kind: 'all' },
      accounts: 'ALL',
      order: 'TIME_ASC',
      limit: 1000,
    });
    expect(after).toEqual(before);

    await append(2000, KEPT, 'laterword');
    await projector.settled();
    expect(await found('laterword')).toBe(250);
    expect(errors).toEqual([]);
  });
});

async function bytesOf(folder: string): Promise<string> {
  const texts: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) texts.push(await readFile(join(entry.parentPath, entry.name), 'latin1'));
  }
  return texts.join('');
}
