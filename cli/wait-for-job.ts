import { setTimeout } from 'node:timers/promises';
import type { CliContext } from '#cli/cli-context';
import type { CairnClient } from '#cli/client';
import { Progress } from '#cli/output/progress';
import { printable } from '#cli/output/table';

export interface JobRun {
  readonly id: string;
  readonly state: 'QUEUED' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'DEAD';
  readonly progress: { readonly done: number; readonly total: number | null } | null;
  readonly result: string | null;
  readonly error: string | null;
}

export const JOB_RUN_FIELDS = 'id state progress { done total } result error';

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2_000;

/** Asks until the run is done or given up, with growing pauses; shows on a terminal how far it is. */
export async function waitForJob(
  cli: Pick<CliContext, 'stderr'>,
  client: Pick<CairnClient, 'query'>,
  started: JobRun,
): Promise<JobRun> {
  const document = `query JobRun($id: ID!) { jobRun(id: $id) { ${JOB_RUN_FIELDS} } }`;
  const progress = new Progress(cli.stderr);
  let run = started;
  for (let pause = FIRST_PAUSE_MS; run.state !== 'SUCCEEDED' && run.state !== 'DEAD'; pause *= 1.5) {
    const shown = run;
    progress.show(() => describe(shown));
    await setTimeout(Math.min(pause, LAST_PAUSE_MS));
    const { jobRun } = await client.query<{ jobRun: JobRun | null }>(document, { id: started.id });
    if (jobRun === null) throw new Error(`The run ${started.id} is not known any more.`);
    run = jobRun;
  }
  progress.done();
  return run;
}

function describe({ state, progress, error }: JobRun): string {
  const far = progress ? ` ${progress.done}${progress.total === null ? '' : ` of ${progress.total}`}` : '';
  const why = state === 'FAILED' ? `, will be tried again: ${error ?? ''}` : '';
  return printable(`${state.toLowerCase()}${far}${why}`);
}
