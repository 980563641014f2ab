import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CairnError } from '#domain/errors';
import type { JobDefinition, JobDesk, JobRun } from '#domain/jobs';
import { postgresBackend } from '#platform/queue/bull-backend';
import { createBullQueue } from '#platform/queue/bull-queue';
import { Hopeless } from '#platform/queue/queue';
import type { Queue } from '#platform/queue/queue';
import { currentRequest } from '#platform/request-context';
import { createTestDatabase } from '#test/harness';
import type { TestDatabase } from '#test/harness';
import { createJobBoard } from '#workers/jobs/board';
import { createJobDesk } from '#workers/jobs/desk';
import { bindJobs, defineJob } from '#workers/jobs/kit';
import type { JobHandler } from '#workers/jobs/kit';
import { runJobs } from '#workers/jobs/runner';
import { createJobStore } from '#workers/jobs/store';
import type { JobStore } from '#workers/jobs/store';
import { tendRuns } from '#workers/jobs/tend-runs';

interface Work {
  readonly account: string;
  readonly n: number;
}
const work: JobDefinition<Work> = {
  name: 'work',
  payload: z.strictObject({ account: z.string(), n: z.number() }),
  attempts: 2,
  backOff: { kind: 'fixed', delayMs: 10 },
  concurrencyKey: ({ account }) => `work/${account}`,
  account: ({ account }) => account,
};
const tick: JobDefinition<object> = {
  name: 'tick',
  payload: z.object({}),
  attempts: 1,
  backOff: { kind: 'fixed', delayMs: 10 },
  schedule: { everyMs: 50 },
  concurrencyKey: () => 'tick',
};
const DONE = ['SUCCEEDED', 'DEAD'];

let database: TestDatabase;
let store: JobStore;
let queueName: string;
const logged: object[] = [];
const log = {
  info: (fields: object) => void logged.push(fields),
  error: (fields: object) => void logged.push(fields),
};

beforeAll(async () => {
  database = await createTestDatabase();
  store = createJobStore(database.pool);
});
afterAll(async () => {
  await database.drop();
});

let open: AsyncDisposableStack;
beforeEach(() => {
  queueName = `q${randomUUID()}`;
  open = new AsyncDisposableStack();
});
afterEach(async () => {
  await open.disposeAsync();
  await database.pool.query('TRUNCATE job_run');
  logged.length = 0;
});

function openQueue(): Queue {
  const queue = createBullQueue({
    backend: postgresBackend({ connectionString: database.url }),
    name: queueName,
    onError: (error) => logged.push(error),
  });
  open.defer(() => queue.close());
  return queue;
}

function openDesk(queue = openQueue()): JobDesk {
  return createJobDesk({ queue, store, log });
}

async function startWorker(handler: JobHandler<Work>, queue = openQueue()): Promise<Queue> {
  await runJobs({ queue, store, jobs: bindJobs([work], [defineJob(work, handler)]), log });
  return queue;
}

async function settled(id: string, states = DONE): Promise<JobRun> {
  for (;;) {
    const run = await store.find(id);
    if (run !== undefined && states.includes(run.state)) return run;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('a run', () => {
  it('is queued, done, and its outcome can be read', async () => {
    const desk = openDesk();
    const started = await desk.start(work, { account: '111111111111', n: 1 });
    expect(started).toMatchObject({ name: 'work', account: '111111111111', state: 'QUEUED', attempts: 0 });
    await startWorker(async ({ n }, { progress, runId }) => {
      expect(runId).toBe(started.id);
      expect(currentRequest()?.requestId).toBe(runId);
      await progress({ done: 3, total: 3 });
      expect((await desk.find(runId))?.state).toBe('RUNNING');
      return { doubled: n * 2 };
    });
    const run = await settled(started.id);
    expect(run).toMatchObject({
      state: 'SUCCEEDED',
      attempts: 1,
      progress: { done: 3, total: 3 },
      result: { doubled: 2 },
      error: undefined,
    });
    expect(run.finishedAt?.getTime()).toBeGreaterThanOrEqual(run.startedAt?.getTime() ?? Infinity);
    expect(await desk.find('unknown')).toBeUndefined();
    expect(await desk.find('\u0000')).toBeUndefined();
  });

  it('is tried again; a failure that is ours is shown, another is masked and logged', async () => {
    const desk = openDesk();
    const errors = [new CairnError('UNAVAILABLE', 'The store is away.'), new Error('secret at 10.0.0.1')];
    const attempts: unknown[] = [];
    await startWorker(async (_, { runId }) => {
      attempts.push((await desk.find(runId))?.attempts);
      throw errors[attempts.length - 1] ?? new Error('one attempt too many');
    });
    const { id } = await desk.start(work, { account: '1', n: 1 });
    const run = await settled(id);
    expect(run).toMatchObject({ state: 'DEAD', attempts: 2, result: undefined });
    expect(attempts).toEqual([1, 2]);
    const reference = /^INTERNAL: the log says more under reference (\S+)$/.exec(run.error ?? '')?.[1];
    expect(logged).toContainEqual(expect.objectContaining({ reference, err: errors[1] }));
    expect(logged).toContainEqual(expect.objectContaining({ err: errors[0], attempt: 1 }));
  });

  it('shows an expected failure while it waits for the next attempt', async () => {
    const desk = openDesk();
    const slow = { ...work, backOff: { kind: 'fixed', delayMs: 600_000 } } as const;
    await startWorker(() => Promise.reject(new CairnError('UNAVAILABLE', 'The store is away.')));
    const { id } = await desk.start(slow, { account: '1', n: 1 });
    const run = await settled(id, ['FAILED', ...DONE]);
    expect(run).toMatchObject({ state: 'FAILED', attempts: 1, error: 'UNAVAILABLE: The store is away.' });
    expect(run.finishedAt).toBeUndefined();
  });

  it('is not tried again when it is hopeless', async () => {
    const desk = openDesk();
    await startWorker(() => Promise.reject(new Hopeless('never')));
    const { id } = await desk.start(work, { account: '1', n: 1 });
    expect(await settled(id)).toMatchObject({ state: 'DEAD', attempts: 1, error: 'never' });
  });

  it('never works at the same time as another of its key, in no process', async () => {
    const desk = openDesk();
    const busy = new Map<string, number>();
    const most = new Map<string, number>();
    const both = Promise.withResolvers<void>();
    const handler: JobHandler<Work> = async ({ account }) => {
      const now = (busy.get(account) ?? 0) + 1;
      busy.set(account, now);
      most.set(account, Math.max(now, most.get(account) ?? 0));
      if (busy.get('a') === 1 && busy.get('b') === 1) both.resolve();
      await both.promise;
      busy.set(account, (busy.get(account) ?? 0) - 1);
      return {};
    };
    await startWorker(handler);
    await startWorker(handler);
    const payloads = [1, 2, 3].flatMap((n) => ['a', 'b'].map((account) => ({ account, n })));
    const runs = await Promise.all(payloads.map((payload) => desk.start(work, payload)));
    for (const { id } of runs) expect(await settled(id)).toMatchObject({ state: 'SUCCEEDED', attempts: 1 });
    expect(Object.fromEntries(most)).toEqual({ a: 1, b: 1 });
  });

  it('goes on in another process when its own closes', async () => {
    const desk = openDesk();
    const begun = Promise.withResolvers<void>();
    const first = await startWorker((_, { signal }) => {
      begun.resolve();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('closing')), { once: true });
      });
    });
    const { id } = await desk.start(work, { account: '1', n: 1 });
    await begun.promise;
    await first.close();
    expect((await desk.find(id))?.state).toBe('FAILED');
    await startWorker(() => Promise.resolve({ by: 'second' }));
    expect(await settled(id)).toMatchObject({ state: 'SUCCEEDED', attempts: 2, result: { by: 'second' } });
  });

  it('is told when its lock is lost, and is done again', async () => {
    const desk = openDesk();
    let calls = 0;
    await startWorker(async (_, { signal }) => {
      calls++;
      if (calls > 1) return {};
      const lost = new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('lock lost')), { once: true });
      });
      const terminated = database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks
         WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      await Promise.all([lost, terminated]);
      return {};
    });
    const { id } = await desk.start(work, { account: '1', n: 1 });
    expect(await settled(id)).toMatchObject({ state: 'SUCCEEDED', attempts: 2 });
  });
});

describe('starting a run', () => {
  it('answers the first run for the same id, and the waiting one for the same payload', async () => {
    const desk = openDesk();
    const first = await desk.start(work, { account: '1', n: 1 }, { id: 'mine' });
    expect(await desk.start(work, { account: '2', n: 9 }, { id: 'mine' })).toEqual(first);
    expect(await desk.start(work, { n: 1, account: '1' })).toEqual(first);
    const other = await desk.start(work, { account: '1', n: 2 });
    expect(other.id).not.toBe(first.id);
    await expect(
      desk.start({ ...work, name: 'play' }, { account: '1', n: 1 }, { id: 'mine' }),
    ).rejects.toThrow(expect.objectContaining({ code: 'CONFLICT' }));

    await startWorker(({ n }) => Promise.resolve({ n }));
    await settled('mine');
    expect(await desk.start(work, { account: '1', n: 1 }, { id: 'mine' })).toMatchObject({
      state: 'SUCCEEDED',
      result: { n: 1 },
    });
    expect((await desk.start(work, { account: '1', n: 1 })).id).not.toBe('mine');
  });

  it('refuses a malformed payload or id', async () => {
    const desk = openDesk();
    const bad = JSON.parse('{"account": "1", "n": "one"}') as Work;
    await expect(desk.start(work, bad)).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', path: 'n' }),
    );
    for (const id of ['', 'a:b', '42', 'x'.repeat(101)]) {
      await expect(desk.start(work, { account: '1', n: 1 }, { id })).rejects.toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', path: 'id' }),
      );
    }
  });

  it('begins a dead run anew when told so', async () => {
    const desk = openDesk();
    let broken = true;
    await startWorker(() => (broken ? Promise.reject(new Error('broken')) : Promise.resolve({})));
    await desk.start(work, { account: '1', n: 1 }, { id: 'again' });
    await settled('again');
    broken = false;
    expect((await desk.start(work, { account: '1', n: 1 }, { id: 'again' })).state).toBe('DEAD');
    const revived = await desk.start(work, { account: '1', n: 1 }, { id: 'again', revive: true });
    expect(revived).toMatchObject({ id: 'again', attempts: 0, state: 'QUEUED' });
    expect(await settled('again')).toMatchObject({ state: 'SUCCEEDED', attempts: 1 });
  });
});

describe('the board', () => {
  it('lists every run, the newest first, by state and name, in pages that meet', async () => {
    const desk = openDesk();
    const board = createJobBoard({ queue: openQueue(), store, definitions: [work], log });
    const ids: string[] = [];
    for (const n of [1, 2, 3, 4, 5]) ids.unshift((await desk.start(work, { account: '1', n })).id);
    await store.fail(ids[0] ?? '', 'over', true);
    // Times that differ by less than a cursor says.
    await database.pool.query(`UPDATE job_run SET created_at = date_trunc('second', created_at)`);
    const all = { states: undefined, name: undefined };
    const slice = { direction: 'forward', cursor: undefined, limit: 10 } as const;
    const expected = (await board.list(all, slice)).map(({ id }) => id);
    expect(expected.toSorted()).toEqual(ids.toSorted());
    for (const direction of ['forward', 'backward'] as const) {
      const seen: string[] = [];
      for (let cursor: JobRun | undefined; ;) {
        const page: readonly JobRun[] = await board.list(all, { direction, cursor, limit: 2 });
        seen.push(...page.map(({ id }) => id));
        cursor = page.at(-1);
        if (page.length === 0) break;
      }
      expect(seen).toEqual(direction === 'forward' ? expected : expected.toReversed());
    }
    const dead = await board.list({ states: ['DEAD'], name: 'work' }, slice);
    expect(dead.map(({ id }) => id)).toEqual([ids[0]]);
    expect(await board.list({ states: undefined, name: 'play' }, slice)).toEqual([]);
  });

  it('begins a dead run anew, and no other', async () => {
    const desk = openDesk();
    let broken = true;
    const queue = await startWorker(() =>
      broken ? Promise.reject(new Error('broken')) : Promise.resolve({}),
    );
    const board = createJobBoard({ queue, store, definitions: [work], log });
    await desk.start(work, { account: '1', n: 1 }, { id: 'again' });
    await settled('again');
    broken = false;
    expect(await board.retry('again')).toMatchObject({ id: 'again', attempts: 0 });
    expect(await settled('again')).toMatchObject({ state: 'SUCCEEDED', attempts: 1 });
    for (const id of ['again', 'unknown', '\u0000']) expect(await board.retry(id)).toBeUndefined();
  });
});

describe('tending runs', () => {
  async function tend(parts: { queue: Queue; keptMs?: number; known?: boolean }) {
    const job = tendRuns({
      queue: parts.queue,
      store,
      definitions: parts.known === false ? [] : [work],
      silentMs: 0,
      ...(parts.keptMs !== undefined && { keptMs: parts.keptMs }),
    });
    const signal = new AbortController().signal;
    return job.prepare({}).run({ runId: 'tendRuns', signal, progress: () => Promise.resolve() });
  }

  it('brings a run to the queue that never reached it', async () => {
    const broken: Queue = Object.create(openQueue()) as Queue;
    broken.find = () => Promise.reject(new Error('the queue is away'));
    const { id } = await openDesk(broken).start(work, { account: '1', n: 1 });
    expect(logged).toContainEqual(expect.objectContaining({ run: id }));
    const queue = await startWorker(({ n }) => Promise.resolve({ n }));
    expect(await queue.find(id)).toBe('unknown');
    expect(await tend({ queue })).toEqual({ queued: 1, dead: 0, forgotten: 0 });
    expect(await settled(id)).toMatchObject({ state: 'SUCCEEDED', result: { n: 1 } });
    expect(await tend({ queue })).toEqual({ queued: 0, dead: 0, forgotten: 0 });
  });

  it('leaves alone what waits, and gives up what the queue gave up', async () => {
    const queue = openQueue();
    const { id } = await openDesk(queue).start(work, { account: '1', n: 1 });
    expect(await tend({ queue })).toEqual({ queued: 0, dead: 0, forgotten: 0 });
    // No handler of this name: a dead letter that nobody wrote into the row.
    await queue.process(new Map());
    while ((await queue.find(id)) !== 'dead') await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await tend({ queue })).toEqual({ queued: 0, dead: 1, forgotten: 0 });
    expect(await store.find(id)).toMatchObject({ state: 'DEAD', error: expect.stringContaining('Given up') });
  });

  it('gives up jobs of another version, and forgets what was done long ago', async () => {
    const queue = openQueue();
    const { id } = await openDesk(queue).start(work, { account: '1', n: 1 });
    expect(await tend({ queue, known: false })).toEqual({ queued: 0, dead: 1, forgotten: 0 });
    expect((await store.find(id))?.state).toBe('DEAD');
    expect(await tend({ queue, keptMs: 0 })).toEqual({ queued: 0, dead: 0, forgotten: 1 });
    expect(await store.find(id)).toBeUndefined();
  });
});

describe('a scheduled job', () => {
  it('has one run, which each round writes anew, failures too', async () => {
    const thirdRound = Promise.withResolvers<void>();
    let rounds = 0;
    const handler: JobHandler<object> = () => {
      rounds++;
      if (rounds === 2) return Promise.reject(new CairnError('UNAVAILABLE', 'away'));
      if (rounds === 3) thirdRound.resolve();
      return Promise.resolve({ rounds });
    };
    const queue = openQueue();
    await runJobs({ queue, store, jobs: bindJobs([tick], [defineJob(tick, handler)]), log });
    await thirdRound.promise;
    await queue.close();
    const run = await store.find('tick');
    expect(run).toMatchObject({ name: 'tick', state: 'SUCCEEDED', error: undefined, result: { rounds } });
    expect(run?.attempts).toBe(rounds);
    const rows = await database.pool.query('SELECT id FROM job_run');
    expect(rows.rows).toEqual([{ id: 'tick' }]);
  });
});
