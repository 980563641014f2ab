import { access, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { EXIT } from '#cli/cli-context';
import { downloadExport } from '#cli/export/download';
import { readExport, startExport, waitForExport } from '#cli/export/start-export';
import type { ExportView } from '#cli/export/start-export';
import { verifyExport } from '#cli/export/verify-export';
import { outputOption } from '#cli/output/answer';
import type { OutputFormat } from '#cli/output/answer';
import { printable } from '#cli/output/table';
import { CairnError } from '#domain/errors';
import { EXPORT_COMPRESSIONS, EXPORT_FORMATS } from '#domain/exports';
import { parseFilterExpression } from '#domain/filter/expression';

interface ExportOptions {
  readonly filter?: string;
  readonly format: string;
  readonly columns?: string;
  readonly compression: string;
  readonly oldest?: true;
  readonly id?: string;
  readonly out?: string;
  readonly wait: boolean;
  readonly output: OutputFormat;
}

const lower = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase());

export function register(program: Command, cli: CliContext): void {
  const command = program
    .command('export')
    .description('write events to a file, with a signed statement of what it holds')
    .option('-f, --filter <expression>', 'for example: eventName=ConsoleLogin and errorCode exists')
    .addOption(new Option('--format <format>', 'of the file').choices(lower(EXPORT_FORMATS)).default('csv'))
    .option('--columns <names>', 'of a CSV file, with commas between them')
    .addOption(
      new Option('--compression <how>', 'of the file').choices(lower(EXPORT_COMPRESSIONS)).default('none'),
    )
    .option('--oldest', 'oldest first')
    .option('--out <file>', 'the file to write; a name of its own in this folder without it')
    .option('--id <export>', 'begin nothing: go on with this one')
    .option('--no-wait', 'end when it is started')
    .addOption(outputOption())
    .action((options: ExportOptions) => run(cli, options));
  command
    .command('verify')
    .description('check a file against its statement with a public key and nothing else')
    .argument('<file>', 'the file')
    .argument('<statement>', 'the statement that lay beside it')
    .requiredOption(
      '--key <vkey>',
      'the log’s public key (name+hash+key) or a file with it, kept from elsewhere',
    )
    .addOption(outputOption())
    // Both commands have -o: the one that was written belongs to whichever of them was asked for.
    .action((file: string, statement: string, own: { key: string; output: OutputFormat }, self: Command) => {
      const { output } = self.optsWithGlobals<{ output: OutputFormat }>();
      return verify(cli, { file, statement, key: own.key, output: own.output === 'json' ? 'json' : output });
    });
}

async function run(cli: CliContext, options: ExportOptions): Promise<void> {
  const client = cli.connect();
  if (options.out !== undefined) await requireFree(options.out);
  const begun =
    options.id === undefined
      ? await startExport(client, inputOf(options))
      : await readExport(client, options.id);
  if (!options.wait) {
    const started =
      options.output === 'json' ? JSON.stringify({ id: begun.id, state: begun.state }) : begun.id;
    await cli.print(`${started}\n`);
    return;
  }
  const view = await waitForExport(cli, client, begun);
  if (view.state !== 'SUCCEEDED') {
    const why = view.error === null ? '' : `: ${view.error}`;
    cli.stderr.write(printable(`The export ${view.id} is ${view.state}${why}`) + '\n');
    cli.exitWith(EXIT.negative);
    return;
  }
  const file = options.out ?? view.fileName;
  await requireFree(file);
  await downloadExport({ cli, client, view, file });
  await writeFile(`${file}.statement`, view.statement ?? '');
  await cli.print(options.output === 'json' ? `${JSON.stringify(shown(view, file))}\n` : tell(view, file));
}

function inputOf(options: ExportOptions): Readonly<Record<string, unknown>> {
  return {
    filter: options.filter === undefined ? null : parseFilterExpression(options.filter),
    orderBy: options.oldest ? 'EVENT_TIME_ASC' : 'EVENT_TIME_DESC',
    format: options.format.toUpperCase(),
    compression: options.compression.toUpperCase(),
    columns: options.columns?.split(',').map((name) => name.trim()) ?? null,
  };
}

/** Nothing of the user's is written over. */
async function requireFree(file: string): Promise<void> {
  const isTaken = await access(file).then(
    () => true,
    () => false,
  );
  if (isTaken) throw new CairnError('INVALID_ARGUMENT', `${file} is there already.`, { path: 'out' });
}

function shown({ id, sha256, progress }: ExportView, file: string): object {
  return { id, file, statement: `${file}.statement`, rows: progress.rows, bytes: progress.bytes, sha256 };
}

function tell({ progress, sha256 }: ExportView, file: string): string {
  const lines = [
    `${progress.rows} events, ${progress.bytes} bytes: ${file}`,
    `SHA-256 ${sha256 ?? ''}; what the file holds, signed: ${file}.statement`,
  ];
  return lines.map((line) => printable(line) + '\n').join('');
}

interface Verification {
  readonly file: string;
  readonly statement: string;
  readonly key: string;
  readonly output: OutputFormat;
}

async function verify(cli: CliContext, { file, statement, key, output }: Verification): Promise<void> {
  const { statement: said, faults } = await verifyExport(file, statement, key);
  if (output === 'json') {
    await cli.print(
      `${JSON.stringify({ verified: faults.length === 0, faults, statement: said ?? null })}\n`,
    );
  } else {
    const good = [
      `Verified: ${said?.rows ?? 0} events, ${said?.bytes ?? 0} bytes, of log ${said?.log ?? ''},`,
      `events before position ${said?.snapshot.position ?? 0}, written ${said?.finishedAt ?? ''}.`,
    ];
    const lines = faults.length === 0 ? good : faults.map((fault) => `NOT VERIFIED: ${fault}`);
    await cli.print(lines.map((line) => printable(line) + '\n').join(''));
  }
  if (faults.length > 0) cli.exitWith(EXIT.negative);
}
