import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeAlias } from '#projections/history/opensearch/names';
import { OpenSearchHistoryIndex } from '#projections/history/opensearch/opensearch-history-index';
import { OpenSearchProjection } from '#projections/history/opensearch/opensearch-projection';
import { StateStore } from '#projections/history/opensearch/state';
import { createPostgresLeases } from '#workers/lease/store';
import { Projector } from '#workers/project';
import { ArrayJournal, type TestEvent } from '#test/array-journal';
import { createTestDatabase, type TestDatabase } from '#test/harness';
import { allRows } from '#test/history-bed';
import { LocalPubSub } from '#test/local-pubsub';
import { createOpenSearchBed, type OpenSearchBed } from '#test/opensearch-bed';
import { startOwnServices } from '#test/own-services';

function event(index: number): TestEvent {
  const eventTime = Date.UTC(2026, index % 2, 15) + index * 1000;
  return {
    account: '111111111111',
    eventId: `id-${index}`,
    eventTime,
    record: { eventName: 'Do', userAgent: 'a'.repeat(index % 500), userIdentity: {} },
  };
}

describe('Workers that move history in OpenSearch', () => {
  let database: TestDatabase;
  let journal: ArrayJournal;
  const pubsub = new LocalPubSub();

  beforeEach(async () => {
    database = await createTestDatabase();
    journal = new ArrayJournal();
  });
  afterEach(() => database.drop());

  const add = (count: number): void => {
    const first = journal.all().length;
    journal.add(...Array.from({ length: count }, (_, index) => event(first + index)));
  };
  const start = (options: OpenSearchBed['options']): Projector => {
    const leases = createPostgresLeases({ connectionString: database.url, onError: () => {} });
    const projector = new Projector({
      projection: new OpenSearchProjection(options),
      journal,
      pubsub,
      leases,
      onError: () => {},
      pace: { slice: 200, poll: 20, gather: 0, firstRetry: 20, lastRetry: 200 },
    });
    projector.start();
    return projector;
  };
  const found = async (index: OpenSearchHistoryIndex): Promise<string[]> =>
    (await allRows(index)).map(({ eventId }) => eventId).toSorted();
  const all = (): string[] =>
    journal
      .all()
      .map(({ eventId }) => eventId)
      .toSorted();

  /** Until one of them has come to the head; which one is chance. */
  const settled = async (projectors: readonly Projector[]): Promise<Projector> => {
    const { position } = await journal.head();
    for (;;) {
      const done = projectors.find((one) => {
        const { status, cursor } = one.state();
        return status === 'RUNNING' && cursor?.position === position;
      });
      if (done !== undefined) return done;
      await setTimeout(20);
    }
  };

  /** Until it has no lease and waits for one. */
  const waiting = async (projector: Projector | undefined): Promise<void> => {
    while (projector?.state().status !== 'WAITING') await setTimeout(20);
  };

  it('take turns: one at a time, and the other goes on when the first has lost its lease', async () => {
    const bed = createOpenSearchBed();
    const index = new OpenSearchHistoryIndex(bed.options, journal);
    const projectors = [start(bed.options), start(bed.options)];
    for (let round = 0; round < 4; round += 1) {
      add(1_000);
      const mover = await settled(projectors);
      await waiting(projectors.find((one) => one !== mover));
      add(1_000);
      // In the middle of the work.
      await database.pool.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cairn-lease' AND datname = current_database()",
      );
      await settled(projectors);
      expect(await found(index)).toEqual(all());
    }
    for (const projector of projectors) await projector.stop();
    await index.close();
    await bed.remove();
  });

  it('go on when something else has come between them and what they write by', async () => {
    const bed = createOpenSearchBed();
    const index = new OpenSearchHistoryIndex(bed.options, journal);
    const projector = start(bed.options);
    add(500);
    await settled([projector]);
    const states = new StateStore(bed.openSearch, bed.names.state);
    const { state, at } = await states.read();
    await states.write({ ...state, term: state.term + 1 }, at);
    add(500);
    await settled([projector]);
    expect(await found(index)).toEqual(all());
    // The aliases to write by.
    const { indices, term } = (await states.read()).state;
    const actions = indices.map(({ name }) => ({
      remove: { index: name, alias: writeAlias(name, term) },
    }));
    await bed.openSearch.request('POST', '/_aliases', { body: { actions } });
    add(500);
    await settled([projector]);
    expect(await found(index)).toEqual(all());
    await projector.stop();
    await index.close();
    await bed.remove();
  });

  it(
    'stop when OpenSearch is killed under them, and go on where they were',
    { timeout: 600_000 },
    async () => {
      await using own = await startOwnServices(['opensearch']);
      const bed = createOpenSearchBed({ url: own.addresses.opensearchUrl ?? '' });
      const index = new OpenSearchHistoryIndex(bed.options, journal);
      const projector = start(bed.options);
      add(2_000);
      await settled([projector]);
      add(4_000);
      await own.signal('opensearch', 'SIGKILL');
      // However far it has come meanwhile.
      add(100);
      const search = { filter: { kind: 'all' }, accounts: 'ALL', order: 'TIME_DESC', limit: 1 } as const;
      await expect(index.search(search)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining('OpenSearch does not answer'),
      });
      await expect(index.freshness()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await expect(projector.settled()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(projector.state().status).toBe('STOPPED');
      await own.start('opensearch');
      const recovered = { wait_for_status: 'green', timeout: '120s' };
      await bed.openSearch.request('GET', '/_cluster/health', { query: recovered, timeout: 130_000 });
      await settled([projector]);
      expect(await found(index)).toEqual(all());
      expect(await index.freshness()).toEqual({ eventsBehind: 0, secondsBehind: 0 });
      await projector.stop();
      await index.close();
      await bed.remove();
    },
  );
});
