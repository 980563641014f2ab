import { jobs } from '#domain/jobs';
import { defineJob } from '#workers/jobs/kit';
import type { BoundJob } from '#workers/jobs/kit';

export interface Sealer {
  /** Seals what is due, if anything is; the number of segments. Two sealers at once must not hurt each other. */
  sealDue(signal: AbortSignal): Promise<number>;
}

export function sealTail(sealer: Sealer): BoundJob {
  return defineJob(jobs.sealTail, async (_, { signal }) => ({ segments: await sealer.sealDue(signal) }));
}
