import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { CairnError } from '#domain/errors';
import { openCheckpoint } from '#journal/checkpoint';
import { parseVkey, type NoteKey } from '#journal/note';
import { openExportStatement, type ExportStatement } from '#projections/export/statement';

/** What a check of a file against its statement found; `faults` is empty when all is well. */
export interface ExportCheck {
  /** Undefined when nobody signed one. */
  readonly statement: ExportStatement | undefined;
  readonly faults: readonly string[];
}

/**
 * Whether the log's key signed the statement, and the file is the one that it speaks of. Needs nothing but the two
 * files and the key. INVALID_ARGUMENT when one cannot be read.
 */
export async function verifyExport(file: string, statementFile: string, key: string): Promise<ExportCheck> {
  const noteKey = await keyOf(key);
  const note = await readFile(statementFile, 'utf8').catch((cause: unknown) => {
    throw new CairnError('INVALID_ARGUMENT', `Cannot read ${statementFile}.`, { path: 'statement', cause });
  });
  const statement = openExportStatement(note, [noteKey]);
  if (statement === undefined) {
    return { statement, faults: ['the statement is not signed by this key'] };
  }
  const { bytes, sha256 } = await measure(file);
  const faults: string[] = [];
  if (bytes !== statement.bytes)
    faults.push(`the file has ${bytes} bytes, the statement says ${statement.bytes}`);
  if (sha256 !== statement.sha256)
    faults.push('the file is another one: its SHA-256 is not that of the statement');
  if (statement.log !== noteKey.name) faults.push('the statement speaks of another log');
  if (openCheckpoint(statement.checkpoint, [noteKey]) === undefined) {
    faults.push('the checkpoint in the statement is not signed by this key');
  }
  return { statement, faults };
}

/** A vkey, or a file that holds one. */
async function keyOf(text: string): Promise<NoteKey> {
  const key = parseVkey(text) ?? parseVkey(await readFile(text, 'utf8').catch(() => ''));
  if (key !== undefined) return key;
  throw new CairnError('INVALID_ARGUMENT', 'This is no public key of a log (name+hash+key).', {
    path: 'key',
  });
}

async function measure(file: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(file)) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch (cause) {
    throw new CairnError('INVALID_ARGUMENT', `Cannot read ${file}.`, { path: 'file', cause });
  }
  return { bytes, sha256: hash.digest('hex') };
}
