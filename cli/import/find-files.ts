import { opendir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CairnError } from '#domain/errors';

export interface FoundFile {
  readonly path: string;
  /** Bytes on disk. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

const EVENT_FILE = /\.(json|jsonl|ndjson)(\.gz|\.zst)?$/i;

/** The event files below the paths, in order of their names. A file that is named itself is always taken. */
export async function findFiles(paths: readonly string[]): Promise<FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const path of paths) {
    for await (const file of filesBelow(resolve(path))) found.set(file.path, file);
  }
  return [...found.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

async function* filesBelow(path: string): AsyncGenerator<FoundFile> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new CairnError('INVALID_ARGUMENT', `Cannot read ${path}.`, { path: 'paths', cause });
  });
  if (!info.isDirectory()) {
    yield { path, size: info.size, modified: info.mtimeMs };
    return;
  }
  for await (const entry of await opendir(path)) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) yield* filesBelow(below);
    else if (entry.isFile() && EVENT_FILE.test(entry.name)) yield* filesBelow(below);
  }
}
