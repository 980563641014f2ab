import { afterAll, expect, it } from 'vitest';
import { jobs } from '#domain/jobs';
import type { JobRun } from '#domain/jobs';
import { retentionCutOff } from '#domain/month';
import type { ErasureScope } from '#journal/types';
import { postgresBackend } from '#platform/queue/bull-backend';
import { createBullQueue } from '#platform/queue/bull-queue';
import type { Queue } from '#platform/queue/queue';
import { createTestDatabase } from '#test/harness';
import { createJobDesk } from '#workers/jobs/desk';
import { startJobs } from '#workers/jobs/start-jobs';
import { createJobStore } from '#workers/jobs/store';

const open = new AsyncDisposableStack();
afterAll(() => open.disposeAsync());

it('all jobs of the product start, keep their schedules over a restart, and do their work', async () => {
  const database = open.adopt(await createTestDatabase(), (opened) => opened.drop());
  const log = { info: () => undefined, error: () => undefined };
  const store = createJobStore(database.pool);
  const openQueue = (): Queue => {
    const backend = postgresBackend({ connectionString: database.url });
    return open.adopt(createBullQueue({ backend, onError: log.error }), (queue) => queue.close());
  };
  const erased: [string, ErasureScope][] = [];
  const eraser = (name: string) => ({
    name,
    erase: (scope: ErasureScope) => Promise.resolve(erased.push([name, scope])),
  });
  const start = async (): Promise<Queue> => {
    const queue = openQueue();
    await startJobs({
      queue,
      store,
      desk: createJobDesk({ queue, store, log }),
      log,
      journal: eraser('journal'),
      views: [eraser('history')],
      sealer: { sealTail: () => Promise.resolve(1) },
      history: { rebuild: () => Promise.resolve(42) },
      exports: {
        writer: { write: () => Promise.resolve(undefined) },
        keeper: { tend: () => Promise.resolve({ removed: 0, failed: 0, forgotten: 0 }) },
      },
      deliverer: { begin: () => Promise.resolve(3), inFlight: 2 },
      settings: () =>
        Promise.resolve([{ account: '111111111111', retentionMonths: 3, historyDays: undefined }]),
    });
    return queue;
  };
  const succeeded = async (id: string): Promise<JobRun> => {
    for (;;) {
      const run = await store.find(id);
      if (run?.state === 'SUCCEEDED') return run;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

  const first = await start();
  expect((await succeeded(jobs.sealTail.name)).result).toEqual({ segments: 1 });
  expect((await succeeded(jobs.applyRetention.name)).result).toEqual({ accounts: 1 });
  expect((await succeeded(jobs.tendRuns.name)).result).toEqual({ queued: 0, dead: 0, forgotten: 0 });
  expect((await succeeded(jobs.tendExports.name)).result).toEqual({ removed: 0, failed: 0, forgotten: 0 });
  expect((await succeeded(jobs.deliverAlerts.name)).result).toEqual({ begun: 3, inFlight: 2 });
  const before = retentionCutOff(Date.now(), 3);
  await succeeded(`retention-111111111111-${new Date(before).toISOString().slice(0, 7)}`);
  const scope = { account: '111111111111', before };
  expect(erased).toEqual([
    ['journal', scope],
    ['history', scope],
  ]);

  await first.close();
  const second = await start();
  const desk = createJobDesk({ queue: second, store, log });
  const { id } = await desk.start(jobs.rebuildHistory, {});
  expect((await succeeded(id)).result).toEqual({ events: 42 });
  const rounds = (await succeeded(jobs.sealTail.name)).attempts;
  while ((await succeeded(jobs.sealTail.name)).attempts === rounds) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(erased).toHaveLength(2);
});
