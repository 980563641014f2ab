import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { allPages } from '#cli/output/all-pages';
import type { PageOf } from '#cli/output/all-pages';
import { formatRows, outputOption, tellRefusals } from '#cli/output/answer';
import type { Columns, OutputFormat, UserError } from '#cli/output/answer';

const FIELDS = 'id name createdAt retentionMonths historyDays';

interface Account {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly retentionMonths: number | null;
  readonly historyDays: number | null;
}

/** A number, or the word for having none (commander turns a parsed null into an empty text). */
type Setting = number | 'unset';

interface ChangeOptions {
  readonly name?: string;
  readonly retentionMonths?: Setting;
  readonly historyDays?: Setting;
  readonly output: OutputFormat;
}

const COLUMNS: Columns<Account> = [
  ['ID', ({ id }) => id],
  ['NAME', ({ name }) => name],
  ['KEPT', ({ retentionMonths }) => (retentionMonths === null ? 'for ever' : `${retentionMonths} months`)],
  ['HISTORY', ({ historyDays }) => (historyDays === null ? 'default' : `${historyDays} days`)],
  ['CREATED', ({ createdAt }) => createdAt],
];

export function register(program: Command, cli: CliContext): void {
  const accounts = program.command('accounts').description('list, create and change accounts');
  accounts
    .command('list')
    .description('the accounts of your key')
    .addOption(outputOption())
    .action((options: { readonly output: OutputFormat }) => list(cli, options.output));
  withChanges(accounts.command('create'))
    .description('make an account')
    .argument('<id>', '12 digits')
    .action((id: string, options: ChangeOptions) => change(cli, 'createAccount', id, options));
  withChanges(accounts.command('set'))
    .description('change an account; what is not named stays as it is')
    .argument('<id>', '12 digits')
    .action((id: string, options: ChangeOptions) => change(cli, 'updateAccount', id, options));
}

function withChanges(command: Command): Command {
  return command
    .option('--name <name>', 'a name for people')
    .option('--retention-months <number>', 'months that events are kept, or "forever"', numberOr('forever'))
    .option(
      '--history-days <number>',
      'days that events are in event history, or "default"',
      numberOr('default'),
    )
    .addOption(outputOption());
}

async function list(cli: CliContext, output: OutputFormat): Promise<void> {
  const client = cli.connect();
  const document = `query Accounts($after: String) { accounts(first: 200, after: $after) {
    edges { node { ${FIELDS} } } pageInfo { hasNextPage endCursor } } }`;
  const rows: Account[] = [];
  const pages = allPages(async (after) => {
    const { accounts } = await client.query<{ accounts: PageOf<Account> }>(document, { after });
    return accounts;
  });
  for await (const account of pages) rows.push(account);
  await cli.print(formatRows(COLUMNS, rows, output));
}

async function change(
  cli: CliContext,
  mutation: 'createAccount' | 'updateAccount',
  id: string,
  options: ChangeOptions,
): Promise<void> {
  const type = mutation === 'createAccount' ? 'CreateAccountInput' : 'UpdateAccountInput';
  const document = `mutation ChangeAccount($input: ${type}!) { changed: ${mutation}(input: $input) {
    account { ${FIELDS} } userErrors { code path message } } }`;
  const { name, retentionMonths, historyDays, output } = options;
  const input = { id, name, retentionMonths: orNull(retentionMonths), historyDays: orNull(historyDays) };
  const { changed } = await cli
    .connect()
    .query<{ changed: { account: Account | null; userErrors: readonly UserError[] } }>(document, { input });
  if (tellRefusals(cli, changed.userErrors) || changed.account === null) return;
  await cli.print(formatRows(COLUMNS, [changed.account], output));
}

/** Undefined, which JSON leaves out, means: as it is. */
function orNull(setting: Setting | undefined): number | null | undefined {
  return setting === 'unset' ? null : setting;
}

function numberOr(word: string): (text: string) => Setting {
  return (text) => {
    if (text === word) return 'unset';
    if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError(`Say a number or "${word}".`);
    return Number(text);
  };
}
