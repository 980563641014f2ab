import { jobs } from '#domain/jobs';
import type { JobDesk } from '#domain/jobs';
import { Hopeless, Postponed } from '#platform/queue/queue';
import type { ExportKeeper } from '#projections/export/keep-exports';
import { ExportFailed, ExportNotYet } from '#projections/export/write-export';
import type { ExportWriter } from '#projections/export/write-export';
import { defineJob } from '#workers/jobs/kit';
import type { BoundJob } from '#workers/jobs/kit';

const NOT_YET_MS = 1_000;
/** Files that one process writes at a time; more would hold up erasures, which take turns in the same queue. */
const AT_ONCE = 2;
const WAIT_MS = 5_000;

export function exportEvents(writer: Pick<ExportWriter, 'write'>): BoundJob {
  let atWork = 0;
  return defineJob(jobs.exportEvents, async (payload, following) => {
    if (atWork >= AT_ONCE) throw new Postponed(WAIT_MS);
    atWork += 1;
    try {
      const done = await writer.write(payload.export, following);
      return { rows: done?.rows ?? null, bytes: done?.bytes ?? null };
    } catch (error) {
      if (error instanceof ExportNotYet) throw new Postponed(NOT_YET_MS);
      if (error instanceof ExportFailed) throw new Hopeless(error.message, error);
      throw error;
    } finally {
      atWork -= 1;
    }
  });
}

export function tendExports(keeper: Pick<ExportKeeper, 'tend'>): BoundJob {
  return defineJob(jobs.tendExports, async (_, { signal }) => ({ ...(await keeper.tend(signal)) }));
}

/** Starts the run of an export where a crash has lost it; says why when the run was given up. */
export async function ensureExportRun(desk: JobDesk, id: string): Promise<string | undefined> {
  const run = await desk.start(jobs.exportEvents, { export: id }, { id });
  return run.state === 'DEAD' ? (run.error ?? 'INTERNAL: The run was given up.') : undefined;
}
