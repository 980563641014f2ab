import { randomBytes } from 'node:crypto';
import { closeSync, fstat, open as openWithCallback, read, type Stats } from 'node:fs';
import { link, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { hasCode, syncFolder } from '#platform/files';
import { checkRange } from '#platform/objects/byte-range';
import { checkObjectKey, compareKeys } from '#platform/objects/object-key';
import type { ByteRange, ObjectStore, ObjectReader } from '#platform/objects/object-store';

/** Reading one range is opening, reading, closing; a FileHandle costs three times the CPU of this. */
const openFile = promisify(openWithCallback);
const fstatFile = promisify(fstat);
const readFile = promisify(read);
/** Longer ranges are cut to the file's size before memory is taken for them. */
const SMALL_RANGE = 256 * 1024;

/** Half-written objects; no key can begin so. */
const TEMPORARY = '.tmp';
/** What a crash left there is removed when it is older than any write can last. */
const LEFTOVER_MS = 3_600_000;
/** Folders remembered as durable, so that a put syncs one folder and not its whole path. */
const REMEMBERED_FOLDERS = 10_000;

/**
 * Objects as files below a folder. An object appears whole or not at all, and is on the disk when its put
 * resolves: file synced, linked or renamed into place, folder synced, new parents too. Two things are
 * narrower than S3: no object may lie "inside" another (`a` and `a/b`), and no key begins with `.tmp`.
 */
export class DiskObjectStore implements ObjectStore {
  readonly #root: string;
  readonly #durable = new Set<string>();

  private constructor(root: string) {
    this.#root = root;
  }

  /** Makes the folder where there is none. */
  static async open(root: string): Promise<DiskObjectStore> {
    const temporary = join(root, TEMPORARY);
    await mkdir(temporary, { recursive: true, mode: 0o700 });
    await syncFolder(dirname(root));
    await syncFolder(root);
    await removeLeftovers(temporary);
    return new DiskObjectStore(root);
  }

  /** For readers: makes nothing and removes nothing. */
  static existing(root: string): ObjectReader {
    return new DiskObjectStore(root);
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    return this.#store(key, bytes, async (temporary, path) => {
      try {
        await link(temporary, path);
        return true;
      } catch (error) {
        if (hasCode(error, 'EEXIST')) return false;
        throw error;
      } finally {
        await rm(temporary, { force: true });
      }
    });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#store(key, bytes, rename);
  }

  async get(key: string, range?: ByteRange): Promise<Buffer | undefined> {
    if (range !== undefined) checkRange(range);
    const file = await openOrUndefined(this.#path(key));
    if (file === undefined) return undefined;
    try {
      const { offset, length } = range ?? { offset: 0, length: Number.POSITIVE_INFINITY };
      if (length <= SMALL_RANGE) return await readUpTo(file, offset, length);
      const { size } = await fstatFile(file);
      return await readUpTo(file, offset, Math.max(0, Math.min(length, size - offset)));
    } catch (error) {
      if (hasCode(error, 'EISDIR')) return undefined;
      throw error;
    } finally {
      // Nothing was written: closing does not wait for the disk.
      closeSync(file);
    }
  }

  async size(key: string): Promise<number | undefined> {
    const found = await statOrUndefined(this.#path(key));
    return found?.isFile() === true ? found.size : undefined;
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    await this.#removeOtherNames(path);
    try {
      await unlink(path);
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EPERM') && (await this.size(key)) === undefined)
        return;
      throw error;
    }
    await syncFolder(dirname(path));
  }

  /** A crash between link and unlink leaves a second name: what is deleted, a key say, must not live on there. */
  async #removeOtherNames(path: string): Promise<void> {
    const found = await statOrUndefined(path);
    if (found === undefined || !found.isFile() || found.nlink === 1) return;
    const folder = join(this.#root, TEMPORARY);
    for (const name of await readdir(folder)) {
      const other = join(folder, name);
      if ((await statOrUndefined(other))?.ino === found.ino) await rm(other, { force: true });
    }
    await syncFolder(folder);
  }

  async *list(prefix: string, after = ''): AsyncIterable<string> {
    const slash = prefix.lastIndexOf('/') + 1;
    if (slash > 0) checkObjectKey(prefix.slice(0, slash - 1));
    yield* this.#walk(prefix.slice(0, slash), prefix, after);
  }

  /** One folder at a time: memory goes with the widest folders on the way, not with the store. */
  async *#walk(folder: string, prefix: string, after: string): AsyncIterable<string> {
    for (const entry of await this.#entries(folder)) {
      const path = folder + entry;
      const isFolder = path.endsWith('/');
      const mayMatch = path.startsWith(prefix) || (isFolder && prefix.startsWith(path));
      if (!mayMatch) continue;
      if (isFolder) {
        if (compareKeys(path, after) > 0 || after.startsWith(path)) yield* this.#walk(path, prefix, after);
      } else if (compareKeys(path, after) > 0) yield path;
    }
  }

  /** Names in a folder in the order of the keys below them: a folder sorts as its name with the slash. */
  async #entries(folder: string): Promise<string[]> {
    try {
      const found = await readdir(join(this.#root, folder), { withFileTypes: true });
      return found
        .filter((entry) => folder !== '' || entry.name !== TEMPORARY)
        .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
        .toSorted(compareKeys);
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
      throw error;
    }
  }

  async #store<T>(
    key: string,
    bytes: Uint8Array,
    place: (temporary: string, path: string) => Promise<T>,
  ): Promise<T> {
    const path = this.#path(key);
    const folder = dirname(path);
    await this.#makeFolder(folder);
    const temporary = await this.#writeTemporary(bytes);
    try {
      const result = await place(temporary, path);
      // Also when another was first: its name may not be on the disk yet, and the caller builds on it.
      await syncFolder(folder);
      return result;
    } catch (error) {
      this.#durable.delete(folder);
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async #writeTemporary(bytes: Uint8Array): Promise<string> {
    const path = join(this.#root, TEMPORARY, randomBytes(16).toString('hex'));
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    return path;
  }

  /** Syncs every folder up to the root: another process may have made one and not synced it yet. */
  async #makeFolder(folder: string): Promise<void> {
    if (folder === this.#root || this.#durable.has(folder)) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (let path = folder; path !== this.#root; path = dirname(path)) await syncFolder(dirname(path));
    if (this.#durable.size >= REMEMBERED_FOLDERS) this.#durable.clear();
    this.#durable.add(folder);
  }

  #path(key: string): string {
    checkObjectKey(key);
    if (key.startsWith(TEMPORARY)) throw new Error(`Not an object key here: ${JSON.stringify(key)}`);
    return join(this.#root, key);
  }
}

async function statOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

async function openOrUndefined(path: string): Promise<number | undefined> {
  try {
    return await openFile(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** As many of the bytes as there are. */
async function readUpTo(file: number, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await readFile(file, bytes, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done < length ? bytes.subarray(0, done) : bytes;
}

async function removeLeftovers(temporary: string): Promise<void> {
  for (const name of await readdir(temporary)) {
    const path = join(temporary, name);
    try {
      if (Date.now() - (await stat(path)).mtimeMs > LEFTOVER_MS) await rm(path, { force: true });
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}
