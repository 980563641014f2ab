import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { PlatformError } from '#cli/client';
import { csvLine } from '#domain/csv';
import type { CsvValue } from '#domain/csv';
import { formatTable } from '#cli/output/table';
import { parseFilterExpression } from '#domain/filter/expression';

const PAGE = 200;

const LIST_FIELDS =
  'id eventId eventTime eventName eventSource username accountId awsRegion sourceIPAddress userAgent errorCode readOnly eventCategory';

interface EventNode {
  readonly [field: string]: CsvValue;
  readonly raw?: string;
}

interface Page {
  readonly events: {
    readonly edges: readonly { readonly cursor: string; readonly node: EventNode }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

interface EventsOptions {
  readonly filter?: string;
  readonly oldest?: true;
  readonly limit: number;
  readonly all?: true;
  readonly after?: string;
  readonly output: 'table' | 'json' | 'csv' | 'raw';
}

const TABLE = [
  'eventTime',
  'eventName',
  'eventSource',
  'username',
  'accountId',
  'sourceIPAddress',
  'errorCode',
];
const CSV = LIST_FIELDS.split(' ');

export function register(program: Command, cli: CliContext): void {
  program
    .command('events')
    .description('search event history')
    .option('-f, --filter <expression>', 'for example: eventName=ConsoleLogin and errorCode exists')
    .option('--oldest', 'oldest first')
    .option('-n, --limit <number>', 'how many events to print', wholeNumber, 50)
    .option('--all', 'print every event that matches, as a stream')
    .option('--after <cursor>', 'go on behind this cursor')
    .addOption(
      new Option('-o, --output <format>', 'how to print')
        .choices(['table', 'json', 'csv', 'raw'])
        .default('table'),
    )
    .action((options: EventsOptions) => printEvents(cli, options));
}

async function printEvents(cli: CliContext, options: EventsOptions): Promise<void> {
  const printer = PRINTERS[options.output];
  let first = true;
  for await (const page of pages(cli, options)) {
    await cli.print(printer(page, first));
    first = false;
  }
}

async function* pages(cli: CliContext, options: EventsOptions): AsyncGenerator<readonly EventNode[]> {
  const client = cli.connect();
  const document = `query Events($filter: EventFilterInput, $orderBy: EventOrder, $first: Int, $after: String) {
    events(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      edges { cursor node { ${LIST_FIELDS} ${options.output === 'raw' ? 'raw' : ''} } }
      pageInfo { hasNextPage endCursor }
    } }`;
  const filter = options.filter === undefined ? null : parseFilterExpression(options.filter);
  const orderBy = options.oldest ? 'EVENT_TIME_ASC' : 'EVENT_TIME_DESC';
  let left = options.all ? Infinity : options.limit;
  let after = options.after ?? null;
  let size = PAGE;
  do {
    const first = Math.min(left, size);
    const page = await fitting(first, () => client.query<Page>(document, { filter, orderBy, first, after }));
    if (page === undefined) {
      size = Math.ceil(first / 4);
      continue;
    }
    yield page.events.edges.map((edge) => edge.node);
    left -= page.events.edges.length;
    after = page.events.pageInfo.hasNextPage ? page.events.pageInfo.endCursor : null;
    if (after === null) return;
  } while (left > 0);
}

/** Undefined when so many events are more than one answer holds: then a smaller page will do. */
async function fitting(first: number, ask: () => Promise<Page>): Promise<Page | undefined> {
  try {
    return await ask();
  } catch (error) {
    const tooMany = error instanceof PlatformError && error.code === 'LIMIT_EXCEEDED';
    if (tooMany && error.path === 'first' && first > 1) return undefined;
    throw error;
  }
}

type Printer = (events: readonly EventNode[], first: boolean) => string;

const cells = (names: readonly string[], event: EventNode): string[] =>
  names.map((name) => String(event[name] ?? ''));

const PRINTERS: Readonly<Record<EventsOptions['output'], Printer>> = {
  table: (events, first) => {
    const table = formatTable(
      ['TIME', 'EVENT', 'SOURCE', 'USER', 'ACCOUNT', 'ADDRESS', 'ERROR'],
      events.map((event) => cells(TABLE, event)),
    );
    return first ? table : table.slice(table.indexOf('\n') + 1);
  },
  json: (events) => events.map((event) => JSON.stringify(event) + '\n').join(''),
  csv: (events, first) =>
    (first ? csvLine(CSV) : '') + events.map((event) => csvLine(CSV.map((name) => event[name]))).join(''),
  raw: (events) => events.map((event) => `${event.raw ?? ''}\n`).join(''),
};

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Say a whole number from 1 on.');
  return Number(text);
}
