import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { EXIT } from '#cli/cli-context';
import { databaseOf, openJournalFiles } from '#cli/journal-files';
import type { JournalFiles } from '#cli/journal-files';
import { outputOption } from '#cli/output/answer';
import type { OutputFormat } from '#cli/output/answer';
import { painter } from '#cli/output/color';
import type { Paint } from '#cli/output/color';
import { Progress } from '#cli/output/progress';
import { printable } from '#cli/output/table';
import { CairnError } from '#domain/errors';
import type { NoteKey } from '#journal/note';
import { parseVkey } from '#journal/note';
import { proveConsistency } from '#journal/proof';
import { sqlFailure } from '#journal/store/sql-error';
import type { Finding } from '#journal/verify/finding';
import type { RowsReport } from '#journal/verify/rows-check';
import { verifyRows } from '#journal/verify/rows-check';
import type { VerifyOptions, VerifyReport } from '#journal/verify/verify';
import { verifyJournal } from '#journal/verify/verify';
import { publicKeysOf } from '#journal/checkpoint-reader';

interface VerifyFlags {
  readonly data?: string;
  readonly from?: number;
  readonly to?: number;
  readonly since?: string;
  readonly key?: readonly NoteKey[];
  readonly output: OutputFormat;
}

export function register(program: Command, cli: CliContext): void {
  program
    .command('verify')
    .description('check the journal offline: every object, its trees, chain, checkpoints and keys')
    .option('--data <folder>', 'the data folder (CAIRN_DATA, else ./data)')
    .option('--from <position>', 'only segments that reach this position or beyond', position)
    .option('--to <position>', 'only segments that begin before this position', position)
    .option('--since <file>', 'prove that the log of this older checkpoint is a prefix of today’s')
    .option('--key <vkey...>', 'believe only logs that began with this public key', noteKey)
    .addOption(outputOption())
    .action((flags: VerifyFlags) => verify(cli, flags));
}

async function verify(cli: CliContext, flags: VerifyFlags): Promise<void> {
  const files = await openJournalFiles(flags.data);
  if (flags.since !== undefined) await provePrefix(cli, files, { ...flags, since: flags.since });
  else await verifyFiles(cli, files, flags);
}

async function verifyFiles(cli: CliContext, files: JournalFiles, flags: VerifyFlags): Promise<void> {
  const progress = new Progress(cli.stderr);
  const report = await verifyJournal({
    ...files,
    ...rangeOf(flags),
    ...(flags.key && { trusted: flags.key }),
    onProgress: ({ records, events }) => progress.show(() => `${records} records, ${events} events`),
  });
  const rows = flags.from === undefined && flags.to === undefined ? await rowsOf(files) : undefined;
  progress.done();
  const { findings, counts } = rows === undefined ? report : joined(report, rows);
  const all = { ...report, ok: report.ok && (rows?.ok ?? true), findings, counts, tail: rows?.tail };
  await cli.print(
    flags.output === 'json' ? JSON.stringify(all) + '\n' : tell(all, files, painter(cli.color)),
  );
  if (!all.ok) cli.exitWith(EXIT.negative);
}

/** PostgreSQL's rows against the files, when it runs; verify needs nothing but the files otherwise. */
async function rowsOf({ layout, objects, keyObjects }: JournalFiles): Promise<RowsReport | undefined> {
  const pool = await databaseOf(layout);
  if (pool === undefined) return undefined;
  try {
    return await verifyRows({ pool, objects, keyObjects });
  } catch (error) {
    if (sqlFailure(error) === 'repeat') return undefined;
    throw error;
  } finally {
    await pool.end();
  }
}

function joined(report: VerifyReport, rows: RowsReport): Pick<VerifyReport, 'findings' | 'counts'> {
  const sum = (kind: Finding['kind']): number => report.counts[kind] + rows.counts[kind];
  return {
    findings: [...report.findings, ...rows.findings],
    counts: {
      erased: sum('erased'),
      lost: sum('lost'),
      missing: sum('missing'),
      tampered: sum('tampered'),
    },
  };
}

function rangeOf({ from, to }: VerifyFlags): Pick<VerifyOptions, 'range'> {
  if (from === undefined && to === undefined) return {};
  return { range: { from: from ?? 0, to: to ?? Number.MAX_SAFE_INTEGER } };
}

async function provePrefix(
  cli: CliContext,
  { objects }: JournalFiles,
  flags: VerifyFlags & { readonly since: string },
): Promise<void> {
  const note = await readFile(flags.since, 'utf8').catch((cause: unknown) => {
    throw new CairnError('INVALID_ARGUMENT', `Cannot read ${flags.since}.`, { path: 'since', cause });
  });
  const keys = flags.key ?? (await publicKeysOf(objects));
  const { old, now } = await proveConsistency(objects, note, keys);
  const answer = { consistent: true, log: now.origin, since: old.size, now: now.size };
  await cli.print(
    flags.output === 'json'
      ? JSON.stringify(answer) + '\n'
      : `Consistent: the log of ${old.size} records is a prefix of today's ${now.size}.\n`,
  );
}

type WholeReport = VerifyReport & {
  /** Events of the unsealed tail, when PostgreSQL's rows were checked too. */
  readonly tail: number | undefined;
};

function tell(report: WholeReport, { anchor, keys }: JournalFiles, paint: Paint): string {
  const lines = report.findings.map(describe);
  if (keys === undefined) lines.push('Without the master key only hashes were checked, not the events.');
  if (anchor === undefined) lines.push('Without the anchor a missing end of the log would not be noticed.');
  const { records, position, events, erased, unsigned, tail } = report;
  lines.push(
    `Log ${report.log ?? '(none)'}: ${records} records, ${position} events sealed, ${events} of them read, ${erased} erased` +
      `${unsigned > 0 ? `, ${unsigned} records not signed yet` : ''}.`,
    ...(tail === undefined
      ? []
      : [`PostgreSQL's rows agree or are named above; ${tail} events wait to be sealed.`]),
    report.ok
      ? paint('green', `OK: nothing is missing${exceptLost(report)}, nothing was tampered with.`)
      : paint('red', `NOT OK: ${report.counts.tampered} tampered, ${report.counts.missing} missing.`),
  );
  return lines.map((line) => line + '\n').join('');
}

function exceptLost({ counts }: WholeReport): string {
  return counts.lost === 0 ? '' : ' but what a restore is known to have lost';
}

function describe({ kind, where, message, bytes, positions }: Finding): string {
  const at = bytes === undefined ? '' : `, bytes ${bytes.offset}-${bytes.offset + bytes.length - 1}`;
  const events = positions === undefined ? '' : `, positions ${positions.from}-${positions.to - 1}`;
  return printable(`${kind.toUpperCase()}  ${where}${at}${events}: ${message}`);
}

function position(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Say a position: a whole number from 0 on.');
  return Number(text);
}

function noteKey(text: string, before: readonly NoteKey[] = []): readonly NoteKey[] {
  const key = parseVkey(text);
  if (key === undefined) throw new InvalidArgumentError('Not a public key (name+hash+key).');
  return [...before, key];
}
