import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { EXIT } from '#cli/cli-context';
import { parseInstant } from '#cli/instant';
import { outputOption, tellRefusals } from '#cli/output/answer';
import type { OutputFormat, UserError } from '#cli/output/answer';
import { JOB_RUN_FIELDS, waitForJob } from '#cli/wait-for-job';
import type { JobRun } from '#cli/wait-for-job';

interface EraseOptions {
  readonly account: string;
  readonly before?: string;
  readonly yes?: boolean;
  readonly wait: boolean;
  readonly output: OutputFormat;
}

export function register(program: Command, cli: CliContext): void {
  program
    .command('erase')
    .description('destroy events of an account for good')
    .requiredOption('--account <id>', 'the account')
    .option(
      '--before <date>',
      'only events of the months before this one: 2026-02 or 2026-02-01',
      parseBefore,
    )
    .option('--yes', 'do it: there is no way back')
    .option('--no-wait', 'end when it is started')
    .addOption(outputOption())
    .action((options: EraseOptions) => erase(cli, options));
}

async function erase(cli: CliContext, options: EraseOptions): Promise<void> {
  const what = `${options.before === undefined ? 'all events' : `the events before ${options.before}`} of account ${options.account}`;
  if (options.yes !== true) {
    cli.stderr.write(`This would destroy ${what} for good. Say --yes to do it.\n`);
    cli.exitWith(EXIT.usage);
    return;
  }
  const client = cli.connect();
  const document = `mutation EraseAccount($account: AccountId!, $before: DateTime) {
    eraseAccount(account: $account, before: $before) {
      job { ${JOB_RUN_FIELDS} } userErrors { code path message } } }`;
  const variables = { account: options.account, before: options.before ?? null };
  const { eraseAccount: answer } = await client.query<{
    eraseAccount: { job: JobRun | null; userErrors: readonly UserError[] };
  }>(document, variables);
  if (tellRefusals(cli, answer.userErrors) || answer.job === null) return;
  const run = options.wait ? await waitForJob(cli, client, answer.job) : answer.job;
  await cli.print(options.output === 'json' ? JSON.stringify(run) + '\n' : tell(run, what));
  if (run.state === 'DEAD') cli.exitWith(EXIT.negative);
}

function tell({ id, state, error }: JobRun, what: string): string {
  if (state === 'SUCCEEDED') return `Erased ${what}.\n`;
  if (state === 'DEAD') return `Could not erase ${what}: ${error ?? 'no reason given'} (run ${id}).\n`;
  return `Started: run ${id}.\n`;
}

/** A day or a month means its first instant, UTC; whether a month begins there the platform says. */
function parseBefore(text: string): string {
  const time = parseInstant(text);
  if (time === undefined) {
    throw new InvalidArgumentError(
      'Say a month (2026-02), a day (2026-02-01) or an instant (2026-02-01T00:00:00Z).',
    );
  }
  return new Date(time).toISOString().replace('.000Z', 'Z');
}
