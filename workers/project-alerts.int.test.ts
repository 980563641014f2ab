import { expect, it } from 'vitest';
import { createPostgresPubSub } from '#platform/pubsub/postgres-pubsub';
import { ALERTS_CHANNEL, AlertsProjection } from '#projections/alerts/alerts-projection';
import { MatchStore } from '#projections/alerts/matches/store';
import { createPostgresLeases } from '#workers/lease/store';
import { Projector } from '#workers/project';
import { matchesIn, putAlert } from '#test/alerts-bed';
import { createJournalBed, newEvents, submissionOf } from '#test/journal-bed';

const ERASED = '222222222222';
const KEPT = '333333333333';

it('Alerts of a real journal are moved by one of two workers, and erased from either', async () => {
  await using cleanUp = new AsyncDisposableStack();
  const bed = cleanUp.use(await createJournalBed());
  const errors: Error[] = [];
  const onError = (error: Error): void => void errors.push(error);
  const connectionString = bed.database.url;
  const pubsub = cleanUp.adopt(createPostgresPubSub({ connectionString, onError }), (bell) => bell.close());
  const journal = await bed.open({}, pubsub);
  await putAlert(bed.pool, { name: 'all' });
  await putAlert(bed.pool, { name: 'seldom', throttleSeconds: 3_600 });
  const worker = (): Projector => {
    const projector = new Projector({
      projection: new AlertsProjection({
        store: new MatchStore(bed.pool),
        ring: ({ epoch, position }) => void pubsub.publish(ALERTS_CHANNEL, `${epoch}:${position}`),
        now: Date.now,
      }),
      journal,
      pubsub,
      leases: createPostgresLeases({ connectionString, onError }),
      onError,
      pace: { slice: 50, gather: 1 },
    });
    cleanUp.defer(() => projector.stop());
    projector.start();
    return projector;
  };
  const append = async (from: number, account: string): Promise<void> => {
    await journal.append(submissionOf(newEvents(from, from + 200, { account })));
  };
  const found = async (account: string): Promise<readonly string[]> =>
    (await matchesIn(bed.pool)).filter((match) => match.account === account).map(({ alert }) => alert);

  const first = worker();
  await append(0, KEPT);
  await first.settled();
  const second = worker();
  await append(1_000, ERASED);
  await first.settled();
  expect(second.isElsewhere).toBe(true);
  expect(await found(ERASED)).toHaveLength(201);

  // The erasure runs in the worker that does not move alerts.
  await journal.erase({ account: ERASED, before: undefined });
  await new MatchStore(bed.pool).erase({ account: ERASED, before: undefined });
  expect(await found(ERASED)).toEqual([]);

  await first.stop();
  await append(2_000, KEPT);
  await second.settled();
  const kept = await found(KEPT);
  expect(kept.filter((name) => name === 'all')).toHaveLength(400);
  expect(kept.filter((name) => name === 'seldom')).toHaveLength(1);
  const [seldom] = (await matchesIn(bed.pool)).filter(({ alert }) => alert === 'seldom');
  expect(seldom?.suppressed).toBe('399');
  expect(errors).toEqual([]);
});
