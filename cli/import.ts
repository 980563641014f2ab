import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { EXIT } from '#cli/cli-context';
import type { CairnClient } from '#cli/client';
import { findFiles } from '#cli/import/find-files';
import type { FoundFile } from '#cli/import/find-files';
import { COUNTS, ImportState, importIdOf, NO_EVENTS } from '#cli/import/import-state';
import type { Counts } from '#cli/import/import-state';
import { sendFile } from '#cli/import/send-file';
import { formatTable } from '#cli/output/table';
import { Progress } from '#cli/output/progress';

/** Files that are on their way at once: one is read while the other is recorded. */
const IN_FLIGHT = 2;

interface ImportOptions {
  readonly account?: string;
  readonly state: string;
  readonly output: 'table' | 'json';
}

interface Totals extends Counts {
  files: number;
  /** Files that could not be read to their end, of those. */
  unreadable: number;
  bytes: number;
}

/** Whose events, or files, were not taken: an import that ends with some has not done all that it was told. */
const NOT_TAKEN = ['refused', 'conflicts', 'unreadable'] as const;

interface Run {
  readonly client: CairnClient;
  readonly state: ImportState;
  readonly importId: string;
  readonly account: string | undefined;
  readonly files: readonly FoundFile[];
  readonly totals: Totals;
  readonly progress: Progress;
  readonly startedAt: number;
}

export function register(program: Command, cli: CliContext, stateFolder: string): void {
  program
    .command('import')
    .description('record CloudTrail log files: .json, .json.gz, NDJSON, in any folder layout')
    .argument('<paths...>', 'files and folders')
    .option('--account <id>', 'account of events that name none')
    .option('--state <folder>', 'where the progress, the refusals and the summary are kept', stateFolder)
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'),
    )
    .action((paths: string[], options: ImportOptions) => importFiles(cli, paths, options));
}

async function importFiles(cli: CliContext, paths: readonly string[], options: ImportOptions): Promise<void> {
  const client = cli.connect();
  const importId = importIdOf(
    client.keyId,
    paths.map((path) => resolve(path)),
  );
  const state = await ImportState.open(options.state, importId);
  const found = await findFiles(paths);
  const files = found.filter((file) => !state.isDone(file));
  const totals: Totals = { files: 0, ...NO_EVENTS, unreadable: 0, bytes: 0 };
  const progress = new Progress(cli.stderr);
  const run = {
    client,
    state,
    importId,
    account: options.account,
    files,
    totals,
    progress,
    startedAt: Date.now(),
  };
  await sendAll(run);
  progress.done();
  const summary = { import: importId, ...totals, skipped: found.length - files.length, folder: state.folder };
  await state.summarise({ ...summary, whole: state.whole });
  await cli.print(options.output === 'json' ? JSON.stringify(summary) + '\n' : tell(summary));
  if (notTaken(totals) > 0) cli.exitWith(EXIT.negative);
}

async function sendAll(run: Run): Promise<void> {
  const queue = run.files.values();
  const sender = async (): Promise<void> => {
    for (const file of queue) await sendOne(run, file);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
}

async function sendOne(run: Run, file: FoundFile): Promise<void> {
  const report = await sendFile(run.client, file, { importId: run.importId, account: run.account });
  await run.state.finish(file, report);
  run.totals.files += 1;
  if (report.error) run.totals.unreadable += 1;
  run.totals.bytes += file.size;
  for (const count of COUNTS) run.totals[count] += report[count];
  run.progress.show(() => progressLine(run));
}

function progressLine({ files, totals, startedAt }: Run): string {
  const seconds = (Date.now() - startedAt) / 1000;
  const allBytes = files.reduce((sum, file) => sum + file.size, 0);
  const left = totals.bytes > 0 ? (seconds * (allBytes - totals.bytes)) / totals.bytes : 0;
  return (
    `${totals.files}/${files.length} files  ${totals.received} events  ${Math.round(totals.received / seconds)}/s  ` +
    `${Math.ceil(left)} s left  ${totals.duplicates} duplicates  ${totals.refused + totals.conflicts} refused`
  );
}

function tell(summary: Totals & { import: string; skipped: number; folder: string }): string {
  const { import: importId, folder, bytes: _bytes, ...counts } = summary;
  const table = formatTable(
    Object.keys(counts).map((name) => name.toUpperCase()),
    [Object.values(counts).map(String)],
  );
  const refused = notTaken(counts) > 0 ? ` What was not taken is listed in ${folder}/refusals.ndjson.` : '';
  return `${table}Import ${importId}.${refused}\n`;
}

function notTaken(totals: Readonly<Record<(typeof NOT_TAKEN)[number], number>>): number {
  return NOT_TAKEN.reduce((sum, count) => sum + totals[count], 0);
}
