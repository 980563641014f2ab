import { randomUUID } from 'node:crypto';
import { CairnError } from '#domain/errors';
import type { JobProgress } from '#domain/jobs';
import { Hopeless, Postponed } from '#platform/queue/queue';
import type { Queue, QueuedJob } from '#platform/queue/queue';
import { runInRequest } from '#platform/request-context';
import type { Telemetry } from '#platform/telemetry';
import { keepSchedules } from '#workers/jobs/keep-schedules';
import type { PutBack } from '#workers/jobs/keep-schedules';
import type { BoundJob, JobContext, PreparedJob } from '#workers/jobs/kit';
import type { JobStore } from '#workers/jobs/store';

/** The part of a pino logger that is used here. */
export interface JobLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

interface RunnerParts {
  readonly queue: Queue;
  readonly store: JobStore;
  readonly jobs: ReadonlyMap<string, BoundJob>;
  readonly log: JobLog;
  /** Runs without traces when there is none. */
  readonly telemetry?: Pick<Telemetry, 'span'>;
  readonly putBack?: PutBack;
  /** Milliseconds between two looks for forgotten schedules; ten seconds unless told. */
  readonly keepMs?: number;
}

/** How soon a run asks again whether the one of the same key is done. */
const BUSY_RETRY_MS = 1_000;
const PROGRESS_INTERVAL_MS = 1_000;

/** Sets up the schedules and takes jobs from the queue until it closes. */
export async function runJobs(parts: RunnerParts): Promise<void> {
  const { queue, log, putBack, keepMs } = parts;
  const schedules = [...parts.jobs.values()].flatMap(({ definition }) =>
    definition.schedule === undefined ? [] : [{ kind: definition, schedule: definition.schedule }],
  );
  await keepSchedules({ queue, log, putBack, schedules, everyMs: keepMs });
  await queue.process(
    new Map([...parts.jobs].map(([name, job]) => [name, (queued) => runJob(parts, job, queued)])),
  );
}

async function runJob(parts: RunnerParts, job: BoundJob, queued: QueuedJob): Promise<void> {
  const prepared = await prepare(parts, job, queued);
  const work = (lost: AbortSignal): Promise<void> => attempt(parts, prepared, withSignal(queued, lost));
  // A queue that forgot a job at work is given it again: no run works twice at the same time.
  const key = prepared.concurrencyKey ?? `run/${runId(queued)}`;
  const outcome = await parts.store.exclusively(key, work);
  // A schedule comes again by itself, and its work is being done at this moment.
  if (outcome.busy && !queued.scheduled) throw new Postponed(BUSY_RETRY_MS);
}

async function prepare({ store }: RunnerParts, job: BoundJob, queued: QueuedJob): Promise<PreparedJob> {
  try {
    return job.prepare(queued.payload);
  } catch (error) {
    if (error instanceof Hopeless) await store.fail(runId(queued), error.message, true);
    throw error;
  }
}

async function attempt(parts: RunnerParts, prepared: PreparedJob, queued: QueuedJob): Promise<void> {
  const { store } = parts;
  const id = runId(queued);
  if (queued.scheduled) await store.beginScheduled(id);
  // Done by a process that died before it could tell the queue.
  else if (!(await store.begin(id))) return;
  try {
    const result = await traced(parts, queued, () => prepared.run(contextOf(store, queued)));
    await store.succeed(id, result);
  } catch (error) {
    await failed(parts, queued, error);
    throw error;
  }
}

/** Whatever a handler logs carries the run's id, as it carries the request's elsewhere. */
function traced<T>({ telemetry }: RunnerParts, queued: QueuedJob, work: () => Promise<T>): Promise<T> {
  const requestId = runId(queued);
  const attributes = { 'cairn.job.run': requestId, 'cairn.job.attempt': queued.attempt };
  return runInRequest({ requestId }, () =>
    telemetry === undefined ? work() : telemetry.span(`job ${queued.name}`, attributes, work),
  );
}

async function failed({ store, log }: RunnerParts, queued: QueuedJob, error: unknown): Promise<void> {
  const id = runId(queued);
  if (error instanceof Postponed || queued.signal.aborted) {
    log.info({ job: queued.name, run: id }, 'job interrupted, it will go on later');
    return store.fail(id, 'Interrupted; it will go on by itself.', false);
  }
  const reference = randomUUID();
  log.error({ job: queued.name, run: id, attempt: queued.attempt, reference, err: error }, 'job failed');
  const dead = (queued.lastAttempt || error instanceof Hopeless) && !queued.scheduled;
  await store.fail(id, publicText(error, reference), dead);
}

/** Only what was written to be read may be shown as it is: other errors can quote events or addresses. */
function publicText(error: unknown, reference: string): string {
  if (error instanceof Hopeless) return error.message;
  if (error instanceof CairnError) return `${error.code}: ${error.message}`;
  return `INTERNAL: the log says more under reference ${reference}`;
}

function contextOf(store: JobStore, queued: QueuedJob): JobContext {
  const id = runId(queued);
  let last = 0;
  const progress = async (value: JobProgress): Promise<void> => {
    const now = Date.now();
    const isEnd = value.done === value.total;
    if (now - last < PROGRESS_INTERVAL_MS && !isEnd) return;
    last = now;
    await store.progress(id, value);
  };
  return { runId: id, signal: queued.signal, progress };
}

/** A scheduled job has one run, which each round writes anew. */
function runId(queued: QueuedJob): string {
  return queued.scheduled ? queued.name : queued.id;
}

function withSignal(queued: QueuedJob, signal: AbortSignal): QueuedJob {
  return { ...queued, signal: AbortSignal.any([queued.signal, signal]) };
}
