import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import { OpenSearchRefusal } from '#projections/history/opensearch/client';
import { OpenSearchHistoryIndex } from '#projections/history/opensearch/opensearch-history-index';
import { OpenSearchProjection } from '#projections/history/opensearch/opensearch-projection';
import { KEEP_ALL } from '#projections/history/retention';
import { TakenOver, type Projection, type Successor } from '#projections/projection';
import { ArrayJournal, type TestEvent } from '#test/array-journal';
import { startCuttingProxy, type CuttingProxy } from '#test/cutting-proxy';
import { allRows } from '#test/history-bed';
import { createOpenSearchBed, type OpenSearchBed } from '#test/opensearch-bed';

const DAY = 86_400_000;
const START = Date.UTC(2000, 0, 15);
const LIMITED = '222222222222';

function event(index: number, eventTime: number, account = '111111111111'): TestEvent {
  return {
    account,
    eventId: `id-${index}`,
    eventTime,
    record: { eventName: `Name${index}`, userIdentity: {} },
  };
}

/** What a worker does once init is over, until something fails. */
type Work = (projection: OpenSearchProjection) => Promise<void>;

describe('A request of a writer of history that comes after another has taken over', () => {
  let clock: number;
  let bed: OpenSearchBed;
  let index: OpenSearchHistoryIndex;
  let journal: ArrayJournal;
  let proxy: CuttingProxy;

  beforeEach(async () => {
    clock = START;
    bed = createOpenSearchBed();
    journal = new ArrayJournal();
    index = new OpenSearchHistoryIndex(bed.options, journal);
    proxy = await startCuttingProxy(bed.options.url);
  });
  afterEach(async () => {
    await proxy.close();
    await index.close();
    await bed.remove();
  });

  const open = (url = bed.options.url): OpenSearchProjection => {
    const policy = {
      ...KEEP_ALL,
      now: () => clock,
      retentionDays: (account: string) => (account === LIMITED ? 10 : undefined),
    };
    return new OpenSearchProjection({ ...bed.options, url, policy, months: { lookEvery: 8 } });
  };

  /** A month, and so an index, of its own for what will have expired. */
  const add = (round: number): void => {
    const first = journal.all().length;
    clock = START + round * 31 * DAY;
    journal.add(event(first, clock - 1, LIMITED));
    for (let number = first + 1; number < first + 20; number += 1) {
      journal.add(event(number, Date.UTC(1990, number % 2, 15) + number * 1000));
    }
  };

  const write = async (projection: Pick<Projection, 'cursor' | 'write'>, limit: number): Promise<number> => {
    const slice = await journal.read(await projection.cursor(), limit);
    await projection.write(slice);
    return slice.behind;
  };
  const writeAll = async (projection: Projection | Successor, limit: number): Promise<void> => {
    while ((await write(projection, limit)) > 0);
  };
  const kept = (rows: readonly { readonly account: string; readonly eventId: string }[]): string[] =>
    rows.flatMap(({ account, eventId }) => (account === LIMITED ? [] : [eventId])).toSorted();

  /** As workers/project.ts does: where another has been, it takes over again; what is damaged begins anew. */
  const goOn = async (projection: OpenSearchProjection): Promise<void> => {
    try {
      await writeAll(projection, 500).catch(async (error: unknown) => {
        if (!(error instanceof CairnError && error.code === 'CORRUPT')) throw error;
        await projection.reset();
        await writeAll(projection, 500);
      });
    } catch (error) {
      if (!(error instanceof TakenOver)) throw error;
      await projection.init();
      await writeAll(projection, 500);
    }
  };

  /** For every request of the first writer: it is held, the second takes over and writes, and it is let go. */
  const holdEach = async (work: Work): Promise<number> => {
    for (let number = 1; ; number += 1) {
      add(number);
      const held = proxy.holdAt(number);
      const first = open(proxy.url);
      const working = (async () => {
        await first.init();
        await work(first);
      })().then(
        () => undefined,
        (error: unknown) => error,
      );
      const isOver = await Promise.race([held.then(() => false), working.then(() => true)]);
      const second = open();
      await second.init();
      await writeAll(second, 500);
      proxy.release();
      // It may fail as it likes, but not by a fault of its own.
      const failure = await working;
      const isOurs = failure instanceof CairnError || failure instanceof OpenSearchRefusal;
      if (failure !== undefined && !isOurs) throw failure;
      add(number);
      await goOn(second);
      expect({ number, found: kept(await allRows(index)) }).toEqual({ number, found: kept(journal.all()) });
      if (isOver) return number;
    }
  };

  it('changes nothing that the other has written or made', { timeout: 1_200_000 }, async () => {
    const requests = await holdEach(async (projection) => {
      await write(projection, 9);
      await write(projection, 9);
      clock += 20 * DAY;
      await projection.tidy();
    });
    expect(requests).toBeGreaterThan(20);
  });

  it('does not put an older history in the place of the other', { timeout: 1_200_000 }, async () => {
    const requests = await holdEach(async (projection) => {
      const successor = await projection.startRebuild();
      await writeAll(successor, 500);
      await successor.publish();
      await projection.reset();
    });
    expect(requests).toBeGreaterThan(20);
  });
});
