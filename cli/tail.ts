import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { parseInstant } from '#cli/instant';
import { painter } from '#cli/output/color';
import { type TailedEvent, eventLine } from '#cli/tail/event-line';
import { followEvents } from '#cli/tail/follow-events';
import { parseFilterExpression } from '#domain/filter/expression';

const FIELDS =
  'id eventId eventTime eventName eventSource username accountId awsRegion sourceIPAddress userAgent errorCode readOnly eventCategory receivedAt';
const QUERY = `subscription Tail($filter: EventFilterInput, $after: ID, $since: DateTime) {
  eventRecorded(filter: $filter, after: $after, since: $since) { cursor event { ${FIELDS} } } }`;

interface TailOptions {
  readonly filter?: string;
  readonly since?: string;
  readonly after?: string;
  readonly output: 'line' | 'json';
}

export function register(program: Command, cli: CliContext): void {
  program
    .command('tail')
    .description('follow events as they are recorded')
    .option('-f, --filter <expression>', 'for example: eventName=ConsoleLogin and errorCode exists')
    .option('--since <time>', 'first what was recorded since: 30s, 15m, 1h, 2d, or an instant', sinceOf)
    .option('--after <cursor>', 'first what was recorded behind the event of this id')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['line', 'json']).default('line'))
    .action((options: TailOptions) => tail(cli, options));
}

/** Until Ctrl-C, which is how one leaves and no failure. */
async function tail(cli: CliContext, { filter, since, after, output }: TailOptions): Promise<void> {
  const stop = new AbortController();
  const leave = (): void => stop.abort();
  process.once('SIGINT', leave);
  process.once('SIGTERM', leave);
  const paint = painter(cli.color);
  try {
    const events = followEvents<TailedEvent>(cli.connect(), {
      query: QUERY,
      filter: filter === undefined ? null : parseFilterExpression(filter),
      since: since ?? null,
      after: after ?? null,
      signal: stop.signal,
      onLost: (reason) => cli.stderr.write(`cairn: ${reason}; connecting again\n`),
    });
    for await (const event of events) {
      await cli.print(output === 'json' ? `${JSON.stringify(event)}\n` : eventLine(event, paint));
    }
  } finally {
    process.off('SIGINT', leave);
    process.off('SIGTERM', leave);
  }
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** An instant as the API takes it. */
function sinceOf(text: string): string {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ago = Number(count) * (UNITS[unit] ?? Number.NaN);
  const time = Number.isNaN(ago) ? parseInstant(text) : Date.now() - ago;
  if (time === undefined) throw new InvalidArgumentError('Say 30s, 15m, 1h, 2d or 2026-03-01T12:00:00Z.');
  return new Date(time).toISOString();
}
