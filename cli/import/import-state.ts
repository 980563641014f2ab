import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FoundFile } from '#cli/import/find-files';
import type { FileReport } from '#cli/import/send-file';

/** What the door counts of a file. */
export const COUNTS = ['received', 'recorded', 'duplicates', 'conflicts', 'refused', 'digests'] as const;
export type Counts = Record<(typeof COUNTS)[number], number>;
export const NO_EVENTS: Readonly<Counts> = {
  received: 0,
  recorded: 0,
  duplicates: 0,
  conflicts: 0,
  refused: 0,
  digests: 0,
};

/**
 * What an import remembers between runs, in a folder of its own: `done.ndjson` (a line a finished file),
 * `refusals.ndjson` (a line a refused or conflicting event, or a file that could not be read) and `summary.json`. A killed import goes on
 * behind the last finished file; events of the file it was in are sent again and answered DUPLICATE.
 */
export class ImportState {
  readonly folder: string;
  readonly #done = new Set<string>();
  readonly #whole = { files: 0, ...NO_EVENTS };

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(root: string, importId: string): Promise<ImportState> {
    const state = new ImportState(join(root, importId));
    await mkdir(state.folder, { recursive: true, mode: 0o700 });
    for (const line of await lines(join(state.folder, 'done.ndjson'))) {
      const done = readDone(line);
      if (done !== undefined) state.#add(done.file, done.counts);
    }
    return state;
  }

  /** Of all finished files, those of earlier runs too, each counted once. */
  get whole(): Readonly<Counts & { readonly files: number }> {
    return this.#whole;
  }

  isDone(file: FoundFile): boolean {
    return this.#done.has(nameOf(file));
  }

  /**
   * Refusals first: a kill in between lists them twice rather than never. A file that could not be read to its
   * end is tried again next time: it may have been on its way.
   */
  async finish(file: FoundFile, report: FileReport): Promise<void> {
    const refusals = notTaken(report).map((entry) => JSON.stringify({ file: file.path, ...entry }) + '\n');
    if (refusals.length > 0)
      await appendFile(this.#path('refusals.ndjson'), refusals.join(''), { mode: 0o600 });
    if (report.error) return;
    const counts = countsOf(report);
    const line: DoneLine = [file.path, file.size, file.modified, counts];
    await appendFile(this.#path('done.ndjson'), JSON.stringify(line) + '\n', { mode: 0o600 });
    this.#add(file, counts);
  }

  #add(file: FoundFile, counts: Counts): void {
    this.#done.add(nameOf(file));
    this.#whole.files += 1;
    for (const count of COUNTS) this.#whole[count] += counts[count];
  }

  async summarise(summary: object): Promise<void> {
    await writeFile(this.#path('summary.json'), JSON.stringify(summary, null, 2) + '\n', { mode: 0o600 });
  }

  #path(name: string): string {
    return join(this.folder, name);
  }
}

/**
 * The same paths with the same key are the same import, so that calling it again goes on. A key belongs to one
 * installation: another one at the same address gets all files.
 */
export function importIdOf(keyId: string, paths: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([keyId, [...paths].sort()]))
    .digest('hex')
    .slice(0, 16);
}

/** Every refusal and conflict, how many more there were than an answer lists, and why the file broke off. */
function notTaken({ refusals, refused, conflicts, error }: FileReport): readonly object[] {
  const notListed = refused + conflicts - refusals.length;
  return [...refusals, ...(notListed > 0 ? [{ notListed }] : []), ...(error ? [error] : [])];
}

type DoneLine = [path: string, size: number, modified: number, counts?: Counts];

/** Undefined for a line that a crash cut off: its file is sent again. */
function readDone(line: string): { file: FoundFile; counts: Counts } | undefined {
  try {
    const [path, size, modified, counts = NO_EVENTS] = JSON.parse(line) as DoneLine;
    return { file: { path, size, modified }, counts };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A file that has changed is another one. */
const nameOf = ({ path, size, modified }: FoundFile): string => JSON.stringify([path, size, modified]);

function countsOf({ received, recorded, duplicates, conflicts, refused, digests }: Counts): Counts {
  return { received, recorded, duplicates, conflicts, refused, digests };
}

async function lines(path: string): Promise<string[]> {
  try {
    const text = await readFile(path, 'utf8');
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
