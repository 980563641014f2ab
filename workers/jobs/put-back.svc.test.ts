import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JobDefinition, JobRun } from '#domain/jobs';
import { jobs } from '#domain/jobs';
import { createBullQueue } from '#platform/queue/bull-queue';
import { redisBackend } from '#platform/queue/redis-backend';
import type { Queue } from '#platform/queue/queue';
import { createTestDatabase } from '#test/harness';
import type { TestDatabase } from '#test/harness';
import { startTestRedis } from '#test/redis-server';
import type { TestRedis } from '#test/redis-server';
import { createJobDesk } from '#workers/jobs/desk';
import { bindJobs, defineJob } from '#workers/jobs/kit';
import { runJobs } from '#workers/jobs/runner';
import type { JobStore } from '#workers/jobs/store';
import { createJobStore } from '#workers/jobs/store';
import { tendRuns } from '#workers/jobs/tend-runs';

/** Without a concurrencyKey: that a run never works twice at once is the runner's own doing. */
const work: JobDefinition<{ n: number }> = {
  name: 'work',
  payload: z.strictObject({ n: z.number() }),
  attempts: 3,
  backOff: { kind: 'fixed', delayMs: 600_000 },
};
const tick: JobDefinition<object> = {
  name: 'tick',
  payload: z.strictObject({}),
  attempts: 1,
  backOff: { kind: 'fixed', delayMs: 10 },
  schedule: { everyMs: 50 },
};
const tend = { ...jobs.tendRuns, schedule: { everyMs: 100 } };

const RUNS = 20;
const WORKERS = 4;
/** Fails at first and waits ten minutes for its second attempt: a delayed job. */
const LATE = 0;

let database: TestDatabase;
let redis: TestRedis;
let store: JobStore;
let open: AsyncDisposableStack;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createJobStore(database.pool);
});
afterAll(() => database.drop());

beforeEach(async () => {
  await database.pool.query('TRUNCATE job_run');
  open = new AsyncDisposableStack();
  redis = open.use(await startTestRedis());
});
afterEach(() => open.disposeAsync());

/** Runs at work, waiting, delayed and scheduled, and what became of them. */
class Bed {
  readonly effects = new Map<number, number>();
  readonly putBack = { run: 0, schedule: 0 };
  readonly #gate = Promise.withResolvers<void>();
  readonly #busy = Promise.withResolvers<void>();
  readonly #watchers: (() => void)[] = [];
  #ticks = 0;
  #atWork = 0;
  #isLateDue = false;
  readonly queue: Queue;

  constructor() {
    this.queue = this.#queue();
  }

  async start(): Promise<void> {
    const definitions = [work, tick, tend];
    const putBack = (what: 'run' | 'schedule', count: number): void => void (this.putBack[what] += count);
    const bound = [
      defineJob(work, ({ n }) => this.#work(n)),
      defineJob(tick, () => this.#tick()),
      { ...tendRuns({ queue: this.queue, store, definitions, putBack, silentMs: 200 }), definition: tend },
    ];
    await runJobs({ queue: this.queue, store, log, putBack, keepMs: 50, jobs: bindJobs(definitions, bound) });
    const desk = createJobDesk({ queue: this.#queue(), store, log });
    await desk.start(work, { n: LATE }, { id: id(LATE) });
    await this.until(async () => (await store.find(id(LATE)))?.state === 'FAILED');
    for (let n = 1; n < RUNS; n++) await desk.start(work, { n }, { id: id(n) });
    await this.#busy.promise;
  }

  /** From here on runs come to their end. */
  goOn(): void {
    this.#isLateDue = true;
    this.#gate.resolve();
  }

  async ended(): Promise<void> {
    for (let n = 0; n < RUNS; n++)
      await this.until(async () => (await store.find(id(n)))?.state === 'SUCCEEDED');
  }

  /** Resolves when the schedule has come so many times more. */
  async ticks(count: number): Promise<void> {
    const enough = this.#ticks + count;
    while (this.#ticks < enough) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  async until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async #work(n: number): Promise<Record<string, number>> {
    if (n === LATE && !this.#isLateDue) throw new Error('not yet');
    this.#atWork++;
    if (this.#atWork === WORKERS) this.#busy.resolve();
    await this.#gate.promise;
    this.effects.set(n, (this.effects.get(n) ?? 0) + 1);
    return { n };
  }

  #tick(): Promise<Record<string, number>> {
    this.#ticks++;
    for (const watcher of this.#watchers.splice(0)) watcher();
    return Promise.resolve({});
  }

  #queue(): Queue {
    const backend = redisBackend({ url: redis.url, prefix: 'test', onError: () => undefined });
    const queue = createBullQueue({ backend, onError: () => undefined, concurrency: WORKERS, lockMs: 2_000 });
    return open.adopt(queue, (opened) => opened.close());
  }
}

const log = { info: () => undefined, error: () => undefined };

function id(n: number): string {
  return `run-${n}`;
}

async function expectAllOnce(bed: Bed): Promise<void> {
  await bed.ended();
  await bed.ticks(3);
  expect([...bed.effects.keys()].toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: RUNS }, (_, n) => n),
  );
  expect([...bed.effects.values()]).toEqual(Array.from({ length: RUNS }, () => 1));
  expect(await bed.queue.deadLetters(10)).toEqual([]);
  const { rows } = await database.pool.query<Pick<JobRun, 'state'>>(
    `SELECT DISTINCT state FROM job_run WHERE NOT scheduled`,
  );
  expect(rows).toEqual([{ state: 'SUCCEEDED' }]);
}

describe('jobs at work, waiting, delayed and scheduled all end, each once, when Redis', () => {
  it('is emptied under them', async () => {
    const bed = new Bed();
    await bed.start();
    await redis.command('FLUSHALL');
    // Schedules first, by the look at them every so often; runs by the schedule that tends them.
    await bed.ticks(1);
    bed.goOn();
    await expectAllOnce(bed);
    expect(bed.putBack.schedule).toBeGreaterThanOrEqual(2);
    expect(bed.putBack.run).toBeGreaterThanOrEqual(RUNS - WORKERS);
  });

  it('is killed and comes back with its data', async () => {
    const bed = new Bed();
    await bed.start();
    await redis.kill();
    await redis.startAgain({ keepData: true });
    await bed.ticks(1);
    bed.goOn();
    await bed.until(async () => (await store.find(id(RUNS - 1)))?.state === 'SUCCEEDED');
    // The delayed run is still delayed, as it should be, and would wait for ten minutes.
    expect((await store.find(id(LATE)))?.state).toBe('FAILED');
    await redis.command('FLUSHALL');
    await expectAllOnce(bed);
  });

  it('is killed and comes back empty', async () => {
    const bed = new Bed();
    await bed.start();
    await redis.kill();
    await redis.startAgain({ keepData: false });
    await bed.ticks(1);
    bed.goOn();
    await expectAllOnce(bed);
  });

  it('stays away while runs end: what they came to stands in their rows, and nothing is done twice', async () => {
    const bed = new Bed();
    await bed.start();
    await redis.kill();
    bed.goOn();
    // Those at work need no queue to come to their end.
    await bed.until(async () => {
      const { rows } = await database.pool.query(
        `SELECT 1 FROM job_run WHERE state = 'SUCCEEDED' AND id LIKE 'run-%'`,
      );
      return rows.length === WORKERS;
    });
    await redis.startAgain({ keepData: false });
    await expectAllOnce(bed);
  });

  it('is away when a run is started: the run waits in its row', async () => {
    const bed = new Bed();
    await bed.start();
    bed.goOn();
    const desk = createJobDesk({ queue: bed.queue, store, log });
    await redis.kill();
    const { state } = await desk.start(work, { n: RUNS }, { id: id(RUNS) });
    expect(state).toBe('QUEUED');
    await redis.startAgain({ keepData: false });
    await bed.until(async () => (await store.find(id(RUNS)))?.state === 'SUCCEEDED');
  });
});
