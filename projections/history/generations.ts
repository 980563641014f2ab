import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const POINTER = 'CURRENT';

/**
 * The folder of an index: one subfolder per generation and a file that names the one that answers. A new
 * generation is built beside the old one and takes its place in one rename, also for readers in other processes.
 */
export class Generations {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The generation that answers; undefined before the first. Cheap enough to ask before every search. */
  current(): number | undefined {
    let text: string;
    try {
      text = readFileSync(join(this.folder, POINTER), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    return /^\d{1,15}\n$/.test(text) ? Number(text) : undefined;
  }

  path(generation: number): string {
    return join(this.folder, String(generation));
  }

  /** An empty folder with a number that was never used here. */
  async create(): Promise<number> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const used = await this.#numbers();
    const generation = Math.max(this.current() ?? 0, 0, ...used) + 1;
    await mkdir(this.path(generation), { mode: 0o700 });
    return generation;
  }

  /** From here on `generation` answers, also after a power failure. The others are left as they are. */
  async publish(generation: number): Promise<void> {
    const temporary = join(this.folder, `${POINTER}.tmp`);
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(`${generation}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(this.folder, POINTER));
    await syncFolder(this.folder);
  }

  async remove(generation: number): Promise<void> {
    await rm(this.path(generation), { recursive: true, force: true });
  }

  /** Removes what a crash or a switch left behind. */
  async removeAllBut(kept: readonly number[]): Promise<void> {
    for (const generation of await this.#numbers()) {
      if (!kept.includes(generation)) await this.remove(generation);
    }
  }

  async #numbers(): Promise<number[]> {
    const names = await readdir(this.folder);
    return names.filter((name) => /^\d{1,15}$/.test(name)).map(Number);
  }
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
