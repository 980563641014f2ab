import type { Command } from 'commander';

import { BackupFolder } from '#cli/backup/backup-folder';
import type { RestoreReport } from '#cli/backup/restore-backup';
import type { CliContext } from '#cli/cli-context';
import { EXIT } from '#cli/cli-context';
import { DataFolderError } from '#cli/data-folder';
import { FolderLockedError } from '#cli/folder-lock';
import { outputOption } from '#cli/output/answer';
import type { OutputFormat } from '#cli/output/answer';
import { Progress } from '#cli/output/progress';
import { printable } from '#cli/output/table';
import { CairnError } from '#domain/errors';
import { loadConfig } from '#platform/config';

interface RestoreFlags {
  readonly from?: string;
  readonly backup?: string;
  readonly data?: string;
  readonly masterKey?: string;
  readonly verify: boolean;
  readonly output: OutputFormat;
}

export function register(program: Command, cli: CliContext): void {
  program
    .command('restore')
    .description('make a data folder of a backup; without one, bring its rows and objects together again')
    .option('--from <folder>', 'the folder of backups')
    .option('--backup <id>', 'rows of this backup; the newest unless told')
    .option('--data <folder>', 'the data folder (CAIRN_DATA, else ./data)')
    .option('--master-key <file>', 'your copy of the master key, if it does not lie in the data folder')
    .option('--no-verify', 'do not verify everything at the end')
    .addOption(outputOption())
    .action((flags: RestoreFlags) => restore(cli, flags));
}

async function restore(cli: CliContext, flags: RestoreFlags): Promise<void> {
  const config = loadConfig();
  const { from, backup: id, masterKey, verify } = flags;
  if (from === undefined && id !== undefined) {
    throw new CairnError('INVALID_ARGUMENT', 'Which backups? Say --from.', { path: 'from' });
  }
  const backup = from === undefined ? undefined : await BackupFolder.existing(from);
  // Half of the product, which the other commands need not wait for.
  const { restoreBackup } = await import('#cli/backup/restore-backup');
  const progress = new Progress(cli.stderr);
  const onProgress = (what: string): void => progress.show(() => what);
  const data = flags.data ?? config.dataDir;
  try {
    const report = await restoreBackup({ config, data, backup, id, masterKey, verify, onProgress });
    progress.done();
    await cli.print(flags.output === 'json' ? JSON.stringify(report) + '\n' : tell(report));
    if (report.verified?.ok === false) cli.exitWith(EXIT.negative);
  } catch (error) {
    if (!(error instanceof DataFolderError) && !(error instanceof FolderLockedError)) throw error;
    throw new CairnError('INVALID_ARGUMENT', error.message, { cause: error });
  } finally {
    progress.done();
  }
}

function tell(report: RestoreReport): string {
  const { backup, files, rows, head, erasedKeys, administratorKey, verified, folder } = report;
  const source = {
    backup: `of the backup ${backup?.id ?? ''} (${backup?.position ?? 0} events)`,
    there: 'that were there',
    objects: 'made of the objects: accounts, settings, API keys, jobs and the unsealed tail are lost',
  }[rows];
  const lines = [
    `${folder}: rows ${source}; ${files.objects} objects and ${files.keys} keys copied.`,
    ...(erasedKeys === 0 ? [] : [`${erasedKeys} keys of erased events came back and were destroyed again.`]),
    `The log goes on in epoch ${head.epoch}, at position ${head.position}: what was recorded after it is lost, and cursors beyond are refused (CURSOR_EXPIRED).`,
    ...(rows === 'objects'
      ? [`Accounts with events, to be named again: ${report.accounts.join(', ') || 'none'}.`]
      : []),
    ...(administratorKey === undefined
      ? []
      : [`Administrator's API key, shown this once: ${administratorKey}`]),
    ...verifyLines(verified),
  ];
  return lines.map((line) => printable(line) + '\n').join('');
}

function verifyLines(verified: RestoreReport['verified']): readonly string[] {
  if (verified === undefined) return ['Not verified: run ./cairn verify.'];
  const named = verified.findings.filter(({ kind }) => kind !== 'erased');
  return [
    ...named.map(({ kind, where, message }) => `${kind.toUpperCase()}  ${where}: ${message}`),
    verified.ok
      ? 'Verified: OK. Start it, then look at it with ./cairn doctor.'
      : 'NOT OK: what was restored is not what was recorded.',
  ];
}
