import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { register as registerAccounts } from '#cli/accounts';
import type { CliContext } from '#cli/cli-context';
import { CairnClient } from '#cli/client';
import { register as registerBackup } from '#cli/backup';
import { register as registerDoctor } from '#cli/doctor';
import { register as registerErase } from '#cli/erase';
import { register as registerEvents } from '#cli/events';
import { explain } from '#cli/explain';
import { register as registerExport } from '#cli/export';
import { register as registerImport } from '#cli/import';
import { register as registerJobs } from '#cli/jobs';
import { register as registerKeys } from '#cli/keys';
import { printTo } from '#cli/output/print';
import { register as registerPrepare } from '#cli/roles/prepare-cluster';
import { register as registerProcesses } from '#cli/processes';
import { readProfile } from '#cli/profile';
import { register as registerProof } from '#cli/proof';
import { register as registerRebuild } from '#cli/rebuild';
import { register as registerRestore } from '#cli/restore';
import { register as registerStart } from '#cli/start';
import { register as registerTail } from '#cli/tail';
import { register as registerVerify } from '#cli/verify';
import { CairnError } from '#domain/errors';
import type { ClientConfig } from '#platform/config';
import { loadClientConfig } from '#platform/config';

function createCli(config: ClientConfig): CliContext {
  return {
    connect: () => {
      const profile = readProfile(config.profileDir);
      const url = config.url ?? profile?.url;
      const apiKey = config.apiKey ?? profile?.apiKey;
      if (url === undefined || apiKey === undefined) {
        throw new CairnError(
          'UNAUTHENTICATED',
          'No platform to talk to: start one with npm start, or set CAIRN_URL and CAIRN_API_KEY.',
        );
      }
      return new CairnClient({ url, apiKey });
    },
    print: printTo(process.stdout),
    stderr: process.stderr,
    exitWith: (code) => {
      process.exitCode = code;
    },
    color: config.color && process.stdout.isTTY,
  };
}

function createProgram(cli: CliContext): Command {
  const program = new Command('cairn')
    .description('A self-hosted audit trail: record, keep, find, prove.')
    .configureHelp({ sortSubcommands: false })
    .addHelpText(
      'after',
      '\nCommands talk to CAIRN_URL with CAIRN_API_KEY, or to the platform that npm start made here.' +
        '\nExit codes: 0 done, 1 the answer is no, 2 called wrongly, 3 Cairn cannot be reached or failed.',
    )
    .exitOverride();
  const state = process.platform === 'win32' ? homedir() : join(homedir(), '.local', 'state');
  registerStart(program, cli);
  registerEvents(program, cli);
  registerTail(program, cli);
  registerExport(program, cli);
  registerImport(program, cli, join(state, 'cairn', 'imports'));
  registerKeys(program, cli);
  registerAccounts(program, cli);
  registerErase(program, cli);
  registerJobs(program, cli);
  registerVerify(program, cli);
  registerProof(program, cli);
  registerBackup(program, cli);
  registerRestore(program, cli);
  registerRebuild(program, cli);
  registerDoctor(program, cli);
  registerPrepare(program, cli);
  registerProcesses(program);
  return program;
}

// Messages nobody reads are no reason to end with a stack (`2>&1 | head`).
process.stderr.on('error', () => undefined);
try {
  await createProgram(createCli(loadClientConfig())).parseAsync(process.argv);
} catch (error) {
  const { text, code } = explain(error);
  if (text !== '') process.stderr.write(`cairn: ${text}\n`);
  process.exitCode = code;
}
