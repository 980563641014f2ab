import { setTimeout } from 'node:timers/promises';
import { DelayedError, UnrecoverableError } from 'bullmq';
import type { JobsOptions } from 'bullmq';
import type {
  BullBackend,
  BullJob,
  BullProcessor,
  BullQueue,
  BullWorker,
} from '#platform/queue/bull-backend';
import { Hopeless, Postponed } from '#platform/queue/queue';
import type {
  DeadLetter,
  JobKind,
  JobSchedule,
  KindSchedule,
  Queue,
  QueueCounts,
  QueueHandler,
  QueuePlace,
} from '#platform/queue/queue';

interface BullQueueOptions {
  readonly backend: BullBackend;
  /** Failures of the connection and of the queue's own housekeeping; it goes on by itself. */
  readonly onError: (error: Error) => void;
  /** Prefix of the queues' names: queues of different names do not see each other. */
  readonly name?: string;
  /** Jobs that one process works on at the same time. */
  readonly concurrency?: number;
  /** A job whose process gave no sign of life for this long is given to another. */
  readonly lockMs?: number;
  /** How long `close` waits for running jobs; what still runs is rescued as if its process had died. */
  readonly graceMs?: number;
  /** How long a server that does not answer may keep a process from starting and from ending; 5 s unless told. */
  readonly patienceMs?: number;
}

/** Rescues of one job before it becomes a dead letter: a job that kills its process must not do so for ever. */
const MAX_RESCUES = 5;
const DONE_JOBS_KEPT = 1_000;
const DEAD_LETTERS_KEPT = 10_000;
/** After this long a job that a closing process gave back is taken by another one. */
const HANDED_BACK_MS = 100;
/** A schedule whose next round should have been so long ago has lost it. */
const OVERDUE_MS = 300_000;
const PATIENCE_MS = 5_000;

/** Long jobs must not hold up what the schedule brings every few seconds, so each kind has its own lane. */
interface Lane {
  readonly name: string;
  readonly queue: BullQueue;
  worker: BullWorker | undefined;
}

/** The queue on BullMQ. Connections are opened by the first call that needs them. */
export function createBullQueue(options: BullQueueOptions): Queue {
  return new BullMessageQueue(options);
}

class BullMessageQueue implements Queue {
  readonly #options: BullQueueOptions;
  readonly #lanes = new Map<string, Lane>();
  /** The handlers at work; these promises never reject. */
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(options: BullQueueOptions) {
    this.#options = options;
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  async add(kind: JobKind, payload: unknown, { id }: { readonly id: string }): Promise<void> {
    await this.#jobs.queue.add(kind.name, payload, { ...retries(kind), ...KEPT, jobId: id });
  }

  async schedule(kind: JobKind, schedule: JobSchedule): Promise<void> {
    const repeat = 'cron' in schedule ? { pattern: schedule.cron, tz: 'UTC' } : { every: schedule.everyMs };
    await this.#schedules.queue.upsertJobScheduler(kind.name, repeat, {
      name: kind.name,
      data: {},
      opts: { ...retries(kind), removeOnComplete: true, removeOnFail: true },
    });
  }

  async keepSchedules(names: readonly string[]): Promise<void> {
    const { queue } = this.#schedules;
    const known = await queue.getJobSchedulers(0, -1);
    for (const { key } of known) {
      if (!names.includes(key)) await queue.removeJobScheduler(key);
    }
  }

  async process(handlers: ReadonlyMap<string, QueueHandler>): Promise<void> {
    const lanes = [this.#jobs, this.#schedules];
    if (lanes.some(({ worker }) => worker !== undefined))
      throw new Error('The queue is being processed already.');
    const workers = lanes.map((lane) => (lane.worker = this.#createWorker(lane, handlers)));
    // A server that is away is waited for while the process does its other work.
    await within(this.#patienceMs, Promise.all(workers.map((worker) => worker.waitUntilReady())));
    // They run until they close; their failures are `error` events too.
    for (const worker of workers) worker.run().catch(this.#options.onError);
  }

  async restoreSchedules(schedules: readonly KindSchedule[]): Promise<number> {
    const known = new Map(
      (await this.#schedules.queue.getJobSchedulers(0, -1)).map((one) => [one.key, one.next ?? 0]),
    );
    const overdue = Date.now() - OVERDUE_MS;
    const lost = schedules.filter(({ kind }) => (known.get(kind.name) ?? 0) < overdue);
    for (const { kind, schedule } of lost) await this.schedule(kind, schedule);
    return lost.length;
  }

  async find(id: string): Promise<QueuePlace> {
    const job = await this.#jobs.queue.getJob(id);
    if (job === undefined) return 'unknown';
    const state = await job.getState();
    switch (state) {
      case 'completed':
        return 'done';
      case 'failed':
        return 'dead';
      case 'active':
        return 'active';
      case 'unknown':
        return 'unknown';
      default:
        return 'pending';
    }
  }

  async deadLetters(limit: number): Promise<readonly DeadLetter[]> {
    const jobs = await this.#jobs.queue.getFailed(0, limit - 1);
    return jobs.map((job) => ({
      id: job.id ?? '',
      name: job.name,
      payload: job.data as unknown,
      reason: job.failedReason,
    }));
  }

  async revive(id: string): Promise<boolean> {
    const job = await this.#jobs.queue.getJob(id);
    if (job === undefined || (await job.getState()) !== 'failed') return false;
    await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
    return true;
  }

  async forget(id: string): Promise<boolean> {
    const job = await this.#jobs.queue.getJob(id);
    if (job === undefined || (await job.getState()) === 'active') return false;
    await job.remove();
    return true;
  }

  async counts(): Promise<QueueCounts> {
    const counts = await this.#jobs.queue.getJobCounts();
    const of = (state: string): number => counts[state] ?? 0;
    return {
      pending: of('waiting') + of('delayed') + of('prioritized') + of('paused'),
      active: of('active'),
      dead: of('failed'),
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    const lanes = [...this.#lanes.values()];
    await Promise.all(lanes.map((lane) => this.#closeWorker(lane.worker)));
    await within(this.#patienceMs, Promise.all(lanes.map((lane) => lane.queue.close())));
    await this.#options.backend.close();
  }

  /** BullMQ ignores a second, forced close, so the waiting is done here. */
  async #closeWorker(worker: BullWorker | undefined): Promise<void> {
    if (worker === undefined) return;
    await worker.pause(true);
    const graceMs = this.#options.graceMs ?? 10_000;
    const idle = await within(graceMs, Promise.all(this.#running));
    const closed = await within(this.#patienceMs, worker.close(!idle));
    if (!closed)
      this.#options.onError(new Error('The queue did not close in time; its jobs will be rescued.'));
  }

  #createWorker(lane: Lane, handlers: ReadonlyMap<string, QueueHandler>): BullWorker {
    const lockDuration = this.#options.lockMs ?? 30_000;
    // BullMQ hands an AbortSignal only to processors that declare a third parameter.
    const processor: BullProcessor = async (job, token, signal) => {
      const run = this.#run(handlers, job, { token, signal });
      const settled = run.then(nothing, nothing);
      this.#running.add(settled);
      await run.finally(() => this.#running.delete(settled));
    };
    const worker = this.#options.backend.worker(lane.name, processor, {
      autorun: false,
      concurrency: this.#options.concurrency ?? 4,
      lockDuration,
      stalledInterval: lockDuration / 2,
      maxStalledCount: MAX_RESCUES,
      runRetryDelay: 2_000,
    });
    worker.on('error', this.#options.onError);
    return worker;
  }

  async #run(
    handlers: ReadonlyMap<string, QueueHandler>,
    job: BullJob,
    lock: { readonly token: string | undefined; readonly signal: AbortSignal | undefined },
  ): Promise<void> {
    const handler = handlers.get(job.name);
    if (handler === undefined) throw new UnrecoverableError(`No handler is named for jobs "${job.name}".`);
    const closing = this.#closing.signal;
    try {
      await handler({
        id: job.id ?? '',
        name: job.name,
        payload: job.data as unknown,
        attempt: job.attemptsMade + 1,
        lastAttempt: job.attemptsMade + 1 >= (job.opts.attempts ?? 1),
        scheduled: job.repeatJobKey !== undefined,
        signal: lock.signal === undefined ? closing : AbortSignal.any([closing, lock.signal]),
      });
    } catch (error) {
      if (error instanceof Hopeless) throw new UnrecoverableError(error.message);
      if (error instanceof Postponed) return await postpone(job, error.delayMs, lock.token);
      if (closing.aborted) return await postpone(job, HANDED_BACK_MS, lock.token);
      throw error;
    }
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? PATIENCE_MS;
  }

  get #jobs(): Lane {
    return this.#lane(`${this.#options.name ?? 'cairn'}-jobs`);
  }

  get #schedules(): Lane {
    return this.#lane(`${this.#options.name ?? 'cairn'}-schedules`);
  }

  #lane(name: string): Lane {
    if (this.#closing.signal.aborted) throw new Error('The queue is closed.');
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const queue = this.#options.backend.queue(name);
    queue.on('error', this.#options.onError);
    const lane: Lane = { name, queue, worker: undefined };
    this.#lanes.set(name, lane);
    return lane;
  }
}

function nothing(): void {}

/** False when the promise did not settle in time; it is then left to itself. */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const stop = new AbortController();
  const late = setTimeout(ms, false, { signal: stop.signal, ref: true });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    stop.abort();
    late.catch(nothing);
  }
}

const KEPT = {
  removeOnComplete: { count: DONE_JOBS_KEPT, age: 86_400 },
  removeOnFail: { count: DEAD_LETTERS_KEPT },
} satisfies JobsOptions;

function retries(kind: JobKind): { attempts: number; backoff: { type: string; delay: number } } {
  return { attempts: kind.attempts, backoff: { type: kind.backOff.kind, delay: kind.backOff.delayMs } };
}

async function postpone(job: BullJob, delayMs: number, token: string | undefined): Promise<never> {
  await job.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}
