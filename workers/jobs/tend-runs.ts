import { jobs } from '#domain/jobs';
import type { AnyJobDefinition } from '#domain/jobs';
import type { Queue } from '#platform/queue/queue';
import { enqueue } from '#workers/jobs/desk';
import { defineJob } from '#workers/jobs/kit';
import type { PutBack } from '#workers/jobs/keep-schedules';
import type { BoundJob } from '#workers/jobs/kit';
import type { JobStore, OpenRun } from '#workers/jobs/store';

interface TendRunsParts {
  readonly queue: Queue;
  readonly store: JobStore;
  readonly definitions: readonly AnyJobDefinition[];
  readonly putBack?: PutBack | undefined;
  /** Runs that are younger may be on their way: 10 s unless told. */
  readonly silentMs?: number;
  /** How long the outcome of a run can be read: 90 days unless told. */
  readonly keptMs?: number;
}

const SILENT_MS = 10_000;
const KEPT_MS = 90 * 86_400_000;
const RUNS_PER_ROUND = 1_000;

/** The rows count: what they call open must be in the queue, and what the queue gave up is given up. */
export function tendRuns(parts: TendRunsParts): BoundJob {
  return defineJob(jobs.tendRuns, async (_, { signal }) => {
    let [queued, dead] = [0, 0];
    for (const run of await parts.store.silent(parts.silentMs ?? SILENT_MS, RUNS_PER_ROUND)) {
      signal.throwIfAborted();
      const done = await tend(parts, run);
      if (done === 'queued') queued++;
      if (done === 'dead') dead++;
    }
    if (queued > 0) parts.putBack?.('run', queued);
    const forgotten = await parts.store.prune(parts.keptMs ?? KEPT_MS, RUNS_PER_ROUND);
    return { queued, dead, forgotten };
  });
}

async function tend(parts: TendRunsParts, run: OpenRun): Promise<'fine' | 'queued' | 'dead'> {
  const { queue, store } = parts;
  const definition = parts.definitions.find(({ name }) => name === run.name);
  if (definition === undefined) {
    await store.fail(run.id, 'This version does not know the job.', true);
    return 'dead';
  }
  const place = await queue.find(run.id);
  if (place === 'dead' && run.enqueued) {
    // Its processes died too often: the handler never had the chance to say so.
    await store.fail(run.id, 'Given up: every process that worked on it died.', true);
    return 'dead';
  }
  if (place === 'pending' || place === 'active') {
    // Heard of now; without this, runs that wait for long would crowd out the lost ones.
    await store.enqueued(run.id);
    return 'fine';
  }
  await enqueue(parts, definition, run);
  return 'queued';
}
