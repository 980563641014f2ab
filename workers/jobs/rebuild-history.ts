import { jobs } from '#domain/jobs';
import type { JobProgress } from '#domain/jobs';
import { requireHere, type Held } from '#workers/jobs/elsewhere';
import { defineJob } from '#workers/jobs/kit';
import type { BoundJob } from '#workers/jobs/kit';

export interface HistoryRebuilder extends Held {
  /**
   * Builds the index anew beside the one that answers and then puts it in its place. After a crash it may go
   * on or begin again. Returns how many events it holds.
   */
  rebuild(progress: (value: JobProgress) => Promise<void>, signal: AbortSignal): Promise<number>;
}

export function rebuildHistory(rebuilder: HistoryRebuilder): BoundJob {
  return defineJob(jobs.rebuildHistory, async (_, { signal, progress }) => {
    requireHere([rebuilder]);
    return { events: await rebuilder.rebuild(progress, signal) };
  });
}
