import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { databaseOf, openJournalFiles } from '#cli/journal-files';
import { outputOption } from '#cli/output/answer';
import type { OutputFormat } from '#cli/output/answer';
import { printable } from '#cli/output/table';
import { CairnError } from '#domain/errors';
import { proveEvent } from '#journal/proof';
import { KeyRecordStore } from '#journal/store/key-record-store';
import type { ProvenEvent } from '#journal/verify-proof';
import { verifyProof } from '#journal/verify-proof';

interface ProofFlags {
  readonly data?: string;
  readonly account: string;
  readonly event: string;
  readonly disclose?: true;
  readonly out?: string;
}

interface VerifyProofFlags {
  readonly key: string;
  readonly output: OutputFormat;
}

export function register(program: Command, cli: CliContext): void {
  program
    .command('proof')
    .description('write the proof that an event is in the log')
    .requiredOption('--account <id>', 'the event’s account')
    .requiredOption('--event <eventID>', 'the event’s own id')
    .option('--data <folder>', 'the data folder (CAIRN_DATA, else ./data)')
    .option('--disclose', 'put the event itself into the proof')
    .option('--out <file>', 'the file to write; standard output without it')
    .action((flags: ProofFlags) => prove(cli, flags));
  program
    .command('verify-proof')
    .description('check a proof with a public key and nothing else')
    .argument('<file>', 'the proof')
    .requiredOption('--key <vkey>', 'the log’s public key (name+hash+key), kept from elsewhere')
    .addOption(outputOption())
    .action((file: string, flags: VerifyProofFlags) => check(cli, file, flags));
}

async function prove(cli: CliContext, flags: ProofFlags): Promise<void> {
  const { layout, masterKey, objects, keyObjects, keys } = await openJournalFiles(flags.data);
  if (keys === undefined) {
    throw new CairnError('INVALID_ARGUMENT', `A proof needs the master key, ${masterKey}.`);
  }
  const pool = await databaseOf(layout);
  try {
    const proof = await proveEvent(
      {
        objects,
        keyObjects,
        keys,
        ...(pool && { isRecorded: (identity) => new KeyRecordStore(pool).isRecorded(identity) }),
      },
      { account: flags.account, eventId: flags.event, disclose: flags.disclose ?? false },
    );
    const text = JSON.stringify(proof, undefined, 2) + '\n';
    if (flags.out === undefined) await cli.print(text);
    else await writeFile(flags.out, text);
  } finally {
    await pool?.end();
  }
}

async function check(cli: CliContext, file: string, flags: VerifyProofFlags): Promise<void> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CairnError('INVALID_ARGUMENT', `Cannot read ${file}.`, { path: 'file', cause });
  });
  const proven = verifyProof(text, flags.key);
  await cli.print(flags.output === 'json' ? JSON.stringify(shown(proven)) + '\n' : tell(proven));
}

function shown({ event, ...proven }: ProvenEvent): object {
  return { ...proven, ...(event && { event: event.toString('utf8') }) };
}

function tell({ log, position, account, source, receivedAt, sealedAt, size, event }: ProvenEvent): string {
  const lines = [
    `Proven: event ${position} of log ${log}, account ${account}, from ${printable(source)},`,
    `received ${new Date(receivedAt).toISOString()}, sealed ${new Date(sealedAt).toISOString()}, under a checkpoint of ${size} records.`,
    // Line by line: what is escaped stays the same JSON.
    ...(event?.toString('utf8').split('\n').map(printable) ?? []),
  ];
  return lines.map((line) => line + '\n').join('');
}
