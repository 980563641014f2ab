import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

import { BACKUP_FORMAT } from '#cli/backup/manifest';
import { lockFolder } from '#cli/folder-lock';
import { CairnError } from '#domain/errors';
import { hasCode, readText, syncFolder, writeFileDurably } from '#platform/files';
import { DiskObjectStore } from '#platform/objects/disk-object-store';

const LABEL = z.object({ format: z.int(), installation: z.uuid() });
const SNAPSHOT = /^(\d{8}T\d{9}Z)\.backup$/;
/** What a disk's own folder or an earlier attempt may have left in a folder that is to become a backup. */
const HARMLESS = /^(lock|lock\.db|lost\+found|(lock|cairn-backup\.json)\..*\.tmp)$/;

/**
 * A folder of backups of one installation: objects and keys once, the tables of each backup, tables that did not
 * change shared.
 */
export class BackupFolder {
  readonly root: string;
  /** The log's objects and checkpoints, as in the object store. */
  readonly objects: DiskObjectStore;
  /** Wrapped keys that were not erased when the newest backup was made. */
  readonly keys: DiskObjectStore;
  readonly tables: string;
  readonly #snapshots: string;

  private constructor(root: string, stores: { objects: DiskObjectStore; keys: DiskObjectStore }) {
    this.root = root;
    this.objects = stores.objects;
    this.keys = stores.keys;
    this.tables = join(root, 'tables');
    this.#snapshots = join(root, 'snapshots');
  }

  /** Opens or begins it. INVALID_ARGUMENT when the folder holds something else, or another installation's. */
  static async forBackups(root: string, installation: string): Promise<BackupFolder> {
    await mkdir(root, { recursive: true, mode: 0o700 });
    const label = await readLabel(root);
    if (label === undefined) {
      const foreign = (await readdir(root)).find((name) => !HARMLESS.test(name));
      if (foreign !== undefined) {
        throw invalid(`${root} is not empty and holds no backups of Cairn. It was left as it is.`);
      }
      const text = JSON.stringify({ format: BACKUP_FORMAT, installation });
      await writeFileDurably(join(root, 'cairn-backup.json'), `${text}\n`);
    } else if (label.installation !== installation) {
      throw invalid(`${root} holds backups of another installation (${label.installation}).`);
    }
    return BackupFolder.#open(root);
  }

  /** INVALID_ARGUMENT when there is no backup. */
  static async existing(root: string): Promise<BackupFolder & { readonly installation: string }> {
    const label = await readLabel(root);
    if (label === undefined) throw invalid(`${root} holds no backups of Cairn.`);
    const folder = await BackupFolder.#open(root);
    return Object.assign(folder, { installation: label.installation });
  }

  static async #open(root: string): Promise<BackupFolder> {
    const folder = new BackupFolder(root, {
      objects: await DiskObjectStore.open(join(root, 'objects')),
      keys: await DiskObjectStore.open(join(root, 'keys')),
    });
    for (const path of [folder.tables, folder.#snapshots])
      await mkdir(path, { recursive: true, mode: 0o700 });
    return folder;
  }

  /** One process at a time writes it. */
  lock(): Promise<{ release(): void }> {
    return lockFolder(this.root);
  }

  /** Ids of the backups, oldest first. */
  async snapshots(): Promise<readonly string[]> {
    const names = await readdir(this.#snapshots);
    return names.flatMap((name) => SNAPSHOT.exec(name)?.[1] ?? []).toSorted();
  }

  /** The manifest's text. NOT_FOUND when there is no such backup. */
  async read(id: string): Promise<string> {
    const text = await readText(this.#path(id));
    if (text === undefined) throw new CairnError('NOT_FOUND', `There is no backup ${id} in ${this.root}.`);
    return text;
  }

  /** From here on the backup is there, whole. */
  async publish(id: string, manifest: string): Promise<void> {
    await syncFolder(this.tables);
    await writeFileDurably(this.#path(id), manifest);
  }

  async remove(id: string): Promise<void> {
    await rm(this.#path(id), { force: true });
    await syncFolder(this.#snapshots);
  }

  /** Removes the files of tables that none of `used` names, those of interrupted backups too. */
  async removeTables(used: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.tables)) {
      if (!used.has(name)) await rm(join(this.tables, name), { force: true });
    }
  }

  tablePath(sha256: string): string {
    return join(this.tables, tableName(sha256));
  }

  #path(id: string): string {
    return join(this.#snapshots, `${id}.backup`);
  }
}

export function tableName(sha256: string): string {
  return `${sha256}.zst`;
}

async function readLabel(root: string): Promise<z.infer<typeof LABEL> | undefined> {
  const text = await textOf(join(root, 'cairn-backup.json'), root);
  if (text === undefined) return undefined;
  const label = LABEL.parse(JSON.parse(text));
  if (label.format === BACKUP_FORMAT) return label;
  throw invalid(`${root} has format ${label.format}; this release knows ${BACKUP_FORMAT}.`);
}

async function textOf(path: string, root: string): Promise<string | undefined> {
  try {
    await stat(root);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (hasCode(error, 'ENOTDIR')) throw invalid(`${root} is a file, not a folder.`);
    throw error;
  }
}

function invalid(message: string): CairnError {
  return new CairnError('INVALID_ARGUMENT', message);
}
