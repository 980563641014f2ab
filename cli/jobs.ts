import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { formatRows, outputOption, tellRefusals } from '#cli/output/answer';
import type { Columns, OutputFormat, UserError } from '#cli/output/answer';
import { JOB_STATES } from '#domain/jobs';

interface Run {
  readonly id: string;
  readonly name: string;
  readonly account: string | null;
  readonly state: string;
  readonly attempts: number;
  readonly progress: { readonly done: number; readonly total: number | null } | null;
  readonly error: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly schedule: string | null;
  readonly nextRunAt: string | null;
}

interface JobsOptions {
  readonly state?: string;
  readonly name?: string;
  readonly limit: number;
  readonly output: OutputFormat;
}

const FIELDS =
  'id name account state attempts progress { done total } error createdAt finishedAt schedule nextRunAt';
const MAX_PAGE = 200;
const COLUMNS: Columns<Run> = [
  ['ID', ({ id }) => id],
  ['JOB', ({ name }) => name],
  ['STATE', ({ state }) => state],
  ['ATTEMPTS', ({ attempts }) => String(attempts)],
  ['PROGRESS', ({ progress }) => (progress === null ? '' : `${progress.done}/${progress.total ?? '?'}`)],
  ['CREATED', ({ createdAt }) => createdAt],
  ['SCHEDULE', ({ schedule }) => schedule ?? ''],
  ['ERROR', ({ error }) => error ?? ''],
];

export function register(program: Command, cli: CliContext): void {
  const command = program
    .command('jobs')
    .description('list the runs of jobs, the newest first')
    .addOption(
      new Option('--state <state>', 'only those').choices(JOB_STATES.map((state) => state.toLowerCase())),
    )
    .option('--name <job>', 'only runs of this job')
    .option('-n, --limit <number>', 'how many', count, 50)
    .addOption(outputOption())
    .action((options: JobsOptions) => list(cli, options));
  command
    .command('retry')
    .description('give a run that was given up another series of attempts')
    .argument('<id>', 'the run')
    .action((id: string) => retry(cli, id));
}

async function list(cli: CliContext, { state, name, limit, output }: JobsOptions): Promise<void> {
  const document = `query Jobs($filter: JobFilterInput, $first: Int) {
    jobs(filter: $filter, first: $first) { edges { node { ${FIELDS} } } } }`;
  const filter = { state: state === undefined ? null : [state.toUpperCase()], name: name ?? null };
  const { jobs } = await cli
    .connect()
    .query<{ jobs: { edges: readonly { node: Run }[] } }>(document, { filter, first: limit });
  await cli.print(
    formatRows(
      COLUMNS,
      jobs.edges.map(({ node }) => node),
      output,
    ),
  );
}

async function retry(cli: CliContext, id: string): Promise<void> {
  const document = `mutation RetryJob($id: ID!) {
    retryJob(id: $id) { job { id state } userErrors { code path message } } }`;
  const { retryJob } = await cli
    .connect()
    .query<{ retryJob: { job: { id: string } | null; userErrors: readonly UserError[] } }>(document, { id });
  if (tellRefusals(cli, retryJob.userErrors) || retryJob.job === null) return;
  await cli.print(`${retryJob.job.id} begins anew.\n`);
}

function count(text: string): number {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MAX_PAGE)
    throw new InvalidArgumentError(`Say a whole number from 1 to ${MAX_PAGE}.`);
  return value;
}
