import { jobs } from '#domain/jobs';
import { defineJob } from '#workers/jobs/kit';
import type { BoundJob } from '#workers/jobs/kit';

export interface Checkpointer {
  /** Signs a checkpoint unless the newest is younger than an hour; whether it did. */
  checkpointWhenQuiet(signal: AbortSignal): Promise<boolean>;
}

export function checkpoint(checkpointer: Checkpointer): BoundJob {
  return defineJob(jobs.checkpoint, async (_, { signal }) => ({
    signed: await checkpointer.checkpointWhenQuiet(signal),
  }));
}
