import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { parseInstant } from '#cli/instant';
import { allPages } from '#cli/output/all-pages';
import type { PageOf } from '#cli/output/all-pages';
import { formatRows, outputOption, tellRefusals } from '#cli/output/answer';
import type { Columns, OutputFormat, UserError } from '#cli/output/answer';

const FIELDS = 'id name role accounts status createdAt createdBy expiresAt revokedAt lastUsedAt';

interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly accounts: readonly string[] | null;
  readonly status: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
}

interface ListOptions {
  readonly all?: true;
  readonly output: OutputFormat;
}

interface CreateOptions {
  readonly name: string;
  readonly role: string;
  readonly account?: readonly string[];
  readonly allAccounts?: boolean;
  readonly expires?: Date;
  readonly output: OutputFormat;
}

const COLUMNS: Columns<ApiKey> = [
  ['ID', ({ id }) => id],
  ['NAME', ({ name }) => name],
  ['ROLE', ({ role }) => role.toLowerCase()],
  ['ACCOUNTS', ({ accounts }) => accounts?.join(' ') ?? 'all'],
  ['STATUS', ({ status }) => status.toLowerCase()],
  ['EXPIRES', ({ expiresAt }) => expiresAt ?? 'never'],
  ['LAST USED', ({ lastUsedAt }) => lastUsedAt ?? 'never'],
];

export function register(program: Command, cli: CliContext): void {
  const keys = program.command('keys').description('list, create and revoke API keys');
  keys
    .command('list')
    .description('the keys that you may manage')
    .option('--all', 'revoked and expired ones too')
    .addOption(outputOption())
    .action((options: ListOptions) => list(cli, options));
  keys
    .command('create')
    .description('make a key; its text is printed once and stored nowhere')
    .requiredOption('--name <name>', 'who or what will use it')
    .addOption(
      new Option('--role <role>', 'what it may do')
        .choices(['administrator', 'auditor', 'ingest'])
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--account <id...>', 'an account that it is scoped to; more than once for more').conflicts(
        'allAccounts',
      ),
    )
    .option('--all-accounts', 'scope it to all accounts, future ones too')
    .option('--expires <when>', 'a date, an instant, or a time from now such as 90d or 12h', parseExpiry)
    .addOption(outputOption())
    .action((options: CreateOptions) => create(cli, options));
  keys
    .command('revoke')
    .description('refuse a key from now on')
    .argument('<id>', 'the part of the key between the two underscores')
    .addOption(outputOption())
    .action((id: string, options: { readonly output: OutputFormat }) => revoke(cli, id, options.output));
}

async function list(cli: CliContext, { all, output }: ListOptions): Promise<void> {
  const client = cli.connect();
  const document = `query ApiKeys($after: String) { apiKeys(first: 200, after: $after) {
    edges { node { ${FIELDS} } } pageInfo { hasNextPage endCursor } } }`;
  const rows: ApiKey[] = [];
  const pages = allPages(async (after) => {
    const { apiKeys } = await client.query<{ apiKeys: PageOf<ApiKey> }>(document, { after });
    return apiKeys;
  });
  for await (const key of pages) if (all || key.status === 'ACTIVE') rows.push(key);
  await cli.print(formatRows(COLUMNS, rows, output));
}

async function create(cli: CliContext, options: CreateOptions): Promise<void> {
  const document = `mutation CreateApiKey($input: CreateApiKeyInput!) { createApiKey(input: $input) {
    apiKey { ${FIELDS} } secret userErrors { code path message } } }`;
  const input = {
    name: options.name,
    role: options.role.toUpperCase(),
    accounts: options.account ?? null,
    allAccounts: options.allAccounts ?? false,
    expiresAt: options.expires?.toISOString() ?? null,
  };
  const { createApiKey: answer } = await cli.connect().query<{
    createApiKey: { apiKey: ApiKey | null; secret: string | null; userErrors: readonly UserError[] };
  }>(document, { input });
  if (tellRefusals(cli, answer.userErrors) || answer.secret === null) return;
  if (options.output === 'json') {
    await cli.print(JSON.stringify({ ...answer.apiKey, secret: answer.secret }) + '\n');
    return;
  }
  cli.stderr.write('This is the key. Keep it now: it is shown this once and stored nowhere.\n');
  await cli.print(`${answer.secret}\n`);
}

async function revoke(cli: CliContext, id: string, output: OutputFormat): Promise<void> {
  const document = `mutation RevokeApiKey($id: ID!) { revokeApiKey(id: $id) {
    apiKey { ${FIELDS} } userErrors { code path message } } }`;
  const { revokeApiKey: answer } = await cli
    .connect()
    .query<{ revokeApiKey: { apiKey: ApiKey | null; userErrors: readonly UserError[] } }>(document, { id });
  if (tellRefusals(cli, answer.userErrors) || answer.apiKey === null) return;
  await cli.print(formatRows(COLUMNS, [answer.apiKey], output));
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function parseExpiry(text: string): Date {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const length = unit === undefined ? undefined : UNITS[unit];
  const time = length === undefined ? parseInstant(text) : Date.now() + Number(count) * length;
  if (time === undefined) throw new InvalidArgumentError('Say 2027-01-31, 2027-01-31T12:00:00Z, or 90d.');
  return new Date(time);
}
