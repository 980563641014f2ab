import { Argument } from 'commander';
import type { Command } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { EXIT } from '#cli/cli-context';
import { outputOption, tellRefusals } from '#cli/output/answer';
import type { OutputFormat, UserError } from '#cli/output/answer';
import { JOB_RUN_FIELDS, waitForJob } from '#cli/wait-for-job';
import type { JobRun } from '#cli/wait-for-job';

interface RebuildOptions {
  readonly wait: boolean;
  readonly output: OutputFormat;
}

export function register(program: Command, cli: CliContext): void {
  program
    .command('rebuild')
    .description('build a projection again from the journal, while the old one answers')
    .addArgument(new Argument('<projection>', 'which one').choices(['history']))
    .option('--no-wait', 'end when it is started')
    .addOption(outputOption())
    .action((_projection: string, options: RebuildOptions) => rebuildHistory(cli, options));
}

async function rebuildHistory(cli: CliContext, options: RebuildOptions): Promise<void> {
  const client = cli.connect();
  const { rebuildHistory: answer } = await client.query<{
    rebuildHistory: { job: JobRun | null; userErrors: readonly UserError[] };
  }>(`mutation { rebuildHistory { job { ${JOB_RUN_FIELDS} } userErrors { code path message } } }`);
  if (tellRefusals(cli, answer.userErrors) || answer.job === null) return;
  const run = options.wait ? await waitForJob(cli, client, answer.job) : answer.job;
  await cli.print(options.output === 'json' ? JSON.stringify(run) + '\n' : tell(run));
  if (run.state === 'DEAD') cli.exitWith(EXIT.negative);
}

function tell({ id, state, error }: JobRun): string {
  if (state === 'SUCCEEDED') return 'History is rebuilt.\n';
  if (state === 'DEAD') return `History could not be rebuilt: ${error ?? 'no reason given'} (run ${id}).\n`;
  return `Started: run ${id}.\n`;
}
