import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';

import { BackupFolder } from '#cli/backup/backup-folder';
import type { BackupReport, BackupSource } from '#cli/backup/take-backup';
import { takeBackup } from '#cli/backup/take-backup';
import { withDatabase } from '#cli/backup/with-postgres';
import type { CliContext } from '#cli/cli-context';
import { EXIT } from '#cli/cli-context';
import { checkVersion } from '#cli/data-folder';
import { openJournalFiles } from '#cli/journal-files';
import { objectPlaces, placeName } from '#cli/object-places';
import { outputOption } from '#cli/output/answer';
import type { OutputFormat } from '#cli/output/answer';
import { Progress } from '#cli/output/progress';
import { printable } from '#cli/output/table';
import { CairnError } from '#domain/errors';
import { loadConfig } from '#platform/config';

interface BackupFlags {
  readonly to: string;
  readonly data?: string;
  readonly keep: number;
  readonly output: OutputFormat;
}

const KEEP = 7;

export function register(program: Command, cli: CliContext): void {
  program
    .command('backup')
    .description(
      'copy what is new into a folder of backups, beside the running platform; never the master key',
    )
    .requiredOption('--to <folder>', 'the folder of backups, best on another machine')
    .option('--data <folder>', 'the data folder (CAIRN_DATA, else ./data)')
    .option('--keep <number>', `how many backups stay (${KEEP})`, count, KEEP)
    .addOption(outputOption())
    .action((flags: BackupFlags) => backup(cli, flags));
}

async function backup(cli: CliContext, flags: BackupFlags): Promise<void> {
  const config = loadConfig();
  const files = await openJournalFiles(flags.data);
  const { keys, layout } = files;
  const installation = (await checkVersion(layout.root))?.installation;
  if (keys === undefined || installation === undefined) {
    throw new CairnError('INVALID_ARGUMENT', `${files.masterKey} is missing: a backup is signed with it.`);
  }
  const { objects: place } = objectPlaces(config, layout);
  const bucket = 'folder' in place ? undefined : placeName(place);
  const folder = await BackupFolder.forBackups(flags.to, installation);
  const lock = await folder.lock();
  const progress = new Progress(cli.stderr);
  try {
    const report = await withDatabase(config, layout, ({ pool }) => {
      const source: BackupSource = { ...files, installation, pool, keys, bucket };
      const onProgress = (what: string): void => progress.show(() => what);
      return takeBackup(source, folder, { keep: flags.keep, onProgress });
    });
    progress.done();
    const text = tell(report, { bucket, to: flags.to, masterKey: files.masterKey });
    await cli.print(flags.output === 'json' ? JSON.stringify({ ...report, bucket }) + '\n' : text);
    if (report.lostKeys.length > 0) cli.exitWith(EXIT.negative);
  } finally {
    progress.done();
    lock.release();
  }
}

interface Places {
  readonly bucket: string | undefined;
  readonly to: string;
  readonly masterKey: string;
}

function tell(report: BackupReport, { bucket, to, masterKey }: Places): string {
  const { id, position, records, rows, copied, erasedKeys, lostKeys, backups } = report;
  const lines = [
    `Backup ${id}: ${position} events (${records} records), ${rows} rows.`,
    bucket === undefined
      ? `New in ${to}: ${copied.objects} objects (${copied.bytes} bytes), ${copied.keys} keys.`
      : `New in ${to}: ${copied.keys} keys. The objects stay in ${bucket}: give that bucket versions or a replica.`,
    ...(erasedKeys === 0 ? [] : [`${erasedKeys} keys of erased events were deleted from ${to}.`]),
    ...lostKeys.map((name) => `LOST  the key ${name} is nowhere: its events cannot be read.`),
    `${backups.length} backups there, the oldest is ${backups[0] ?? id}.`,
    `Not in it: the master key (${masterKey}). Without a copy of it, kept elsewhere, no backup can be read.`,
  ];
  return lines.map((line) => printable(line) + '\n').join('');
}

function count(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('Say how many: 1 to 9999.');
  return Number(text);
}
