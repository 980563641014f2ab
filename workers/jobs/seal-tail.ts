import { jobs } from '#domain/jobs';
import { defineJob } from '#workers/jobs/kit';
import type { BoundJob } from '#workers/jobs/kit';

/** What journal/seal.ts gives. */
export interface TailSealer {
  /** Seals what is due, if anything is; the number of segments. Two sealers at once must not hurt each other. */
  sealTail(): Promise<number>;
}

export function sealTail(sealer: TailSealer): BoundJob {
  return defineJob(jobs.sealTail, async () => ({ segments: await sealer.sealTail() }));
}
