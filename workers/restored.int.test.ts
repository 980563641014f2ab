import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { OpenJournal } from '#journal/journal';
import { createPostgresPubSub } from '#platform/pubsub/postgres-pubsub';
import { HistoryProjection } from '#projections/history/history-projection';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';
import { createPostgresLeases } from '#workers/lease/store';
import { Projector } from '#workers/project';
import { createJournalBed, newEvents, submissionOf } from '#test/journal-bed';

it('history that saw an end which a restore lost begins anew, and shows nothing of it', async () => {
  await using cleanUp = new AsyncDisposableStack();
  const bed = cleanUp.use(await createJournalBed());
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const connectionString = bed.database.url;
  const pubsub = cleanUp.adopt(createPostgresPubSub({ connectionString, onError }), (bell) => bell.close());
  const folder = join(bed.folder, 'history');

  /** Follows the journal to its end with a projector of its own; how often each word is found then. */
  const follow = async (journal: OpenJournal): Promise<Record<string, number>> => {
    const projector = new Projector({
      projection: new HistoryProjection(folder),
      journal,
      pubsub,
      leases: createPostgresLeases({ connectionString, onError }),
      onError,
      pace: { slice: 10 },
    });
    const index = new SqliteHistoryIndex(folder, journal);
    projector.start();
    try {
      await projector.settled();
      const found: Record<string, number> = {};
      for (const word of ['kept', 'lost', 'later']) {
        const { total } = await index.counts({ filter: { kind: 'words', words: [word] }, accounts: 'ALL' });
        found[word] = total;
      }
      return found;
    } finally {
      await projector.stop();
      await index.close();
    }
  };

  const before = await bed.open({}, pubsub);
  await before.append(submissionOf(newEvents(0, 30, { note: 'kept' })));
  await before.sealer.sealTail({ force: true });
  await before.append(submissionOf(newEvents(100, 125, { note: 'lost' })));
  expect(await follow(before)).toEqual({ kept: 30, lost: 25, later: 0 });
  await before.close();

  // The copy of the database that was put back had not seen the second batch.
  await bed.loseTail(30);
  const after = await bed.open({ restored: true }, pubsub);
  expect(await after.head()).toEqual({ epoch: 1, position: 30 });
  // More than were lost: the old cursor's position is there again, with another event.
  await after.append(submissionOf(newEvents(200, 260, { note: 'later' })));
  expect(await follow(after)).toEqual({ kept: 30, lost: 0, later: 60 });
  expect(errors).toEqual([expect.objectContaining({ code: 'CURSOR_EXPIRED' })]);
});
