import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';

import type { FolderLock } from '#cli/folder-lock';
import { lockFolder } from '#cli/folder-lock';
import { parseS3Url } from '#platform/config-objects';
import { hasCode, readText, syncFolder, writeFileDurably } from '#platform/files';
import { reachableFolder } from '#platform/postgres/binaries';
import { canReach, chooseServerUser } from '#platform/postgres/server-user';

/** Version of the layout below; a release that changes it raises it. */
const FORMAT = 1;
const VERSION = z.object({
  format: z.int(),
  installation: z.uuid(),
  /** Set once the first start has shown the administrator's key. */
  administratorKeyShown: z.boolean().default(false),
});

/** Where everything of an installation lies. */
export interface DataLayout {
  readonly root: string;
  /** Outside the data folder, so that who loses or changes one still has the other; a folder or an s3:// URL. */
  readonly anchor: string;
  readonly versionFile: string;
  readonly masterKey: string;
  readonly run: string;
  readonly postgres: string;
  readonly history: string;
  readonly objects: string;
  readonly keys: string;
}

export interface DataFolder extends DataLayout {
  readonly installation: string;
  /** True until `keyShown` was called once. */
  readonly needsAdministratorKey: boolean;
  keyShown(): Promise<void>;
  /** Gives the folder free for the next process. */
  release(): void;
}

export interface Location {
  readonly root: string;
  /** A line for people when the folder is not where they said. */
  readonly moved?: string;
}

export class DataFolderError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DataFolderError';
  }
}

/** Where root keeps data that PostgreSQL's unprivileged user must reach. */
const REACHABLE = ['/var/lib/cairn', '/srv/cairn', '/opt/cairn'];
/** Lies there while a restore is under way. */
export const RESTORE_FILE = 'restore.json';
/** What a first start that was killed early, or a fresh disk, may have left in a folder without a version. */
const HARMLESS = /^(lock|lock\.db|(lock|cairn\.json)\..*\.tmp|lost\+found)$/;

export function layoutOf(root: string, anchor?: string): DataLayout {
  return {
    root,
    anchor: anchor === undefined ? `${root}.anchor` : parseS3Url(anchor) ? anchor : resolve(anchor),
    versionFile: join(root, 'cairn.json'),
    masterKey: join(root, 'master.key'),
    run: join(root, 'run'),
    postgres: join(root, 'postgres'),
    history: join(root, 'history'),
    objects: join(root, 'objects'),
    keys: join(root, 'keys'),
  };
}

/**
 * Where the data lies for a wish: there, unless we are root and PostgreSQL's unprivileged user could not
 * enter it. The same wish always leads to the same place.
 */
export async function locateDataFolder(wish: string, embedded: boolean): Promise<Location> {
  const root = resolve(wish);
  const user = embedded ? await chooseServerUser([join(root, 'postgres'), root]) : undefined;
  if (user === undefined || (await canReach(await nearestFolder(dirname(root)), user))) return { root };
  const name = `${basename(root)}-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`;
  const reachable = join(await reachableFolder(REACHABLE), name);
  const moved = `PostgreSQL does not run as root, and its user cannot enter ${dirname(root)}: the data folder is ${reachable}.`;
  return { root: reachable, moved };
}

/**
 * Takes the folder for this process, making it where there is none. A folder that is not ours, or of a newer
 * release, is left as it is.
 * @throws DataFolderError, FolderLockedError
 */
export async function openDataFolder(root: string, anchor?: string): Promise<DataFolder> {
  await makeRoot(root);
  const lock = await lockFolder(root);
  try {
    return await describe(layoutOf(await realpath(root), anchor), lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The same for the processes of a cluster, which share the folder: nobody takes it for himself. */
export async function makeDataFolder(root: string, anchor?: string): Promise<DataFolder> {
  await makeRoot(root);
  return describe(layoutOf(await realpath(root), anchor), { release: () => undefined });
}

async function makeRoot(root: string): Promise<void> {
  await checkVersion(root);
  // Parents as everybody makes them: the server's user must pass through.
  await mkdir(dirname(root), { recursive: true });
  await mkdir(root, { recursive: true, mode: 0o700 });
  await syncFolder(dirname(root));
  await closeToOthers(root);
}

/** Undefined when the folder is missing or empty. @throws DataFolderError for one that is not ours or newer. */
export async function checkVersion(root: string): Promise<z.infer<typeof VERSION> | undefined> {
  if ((await readText(join(root, RESTORE_FILE))) !== undefined) {
    throw new DataFolderError(`A restore into ${root} has not ended: run the same cairn restore again.`);
  }
  return readVersion(root);
}

/** As `checkVersion`, for the restore itself. */
export async function readVersion(root: string): Promise<z.infer<typeof VERSION> | undefined> {
  const text = await readText(layoutOf(root).versionFile);
  if (text === undefined) {
    const foreign = (await namesIn(root)).find((name) => !HARMLESS.test(name));
    if (foreign === undefined) return undefined;
    throw new DataFolderError(
      `${root} is not empty (${JSON.stringify(foreign)} ...) and has no cairn.json: not a data folder of Cairn. It was left as it is; choose another with --data.`,
    );
  }
  const format = formatOf(text);
  if (format === undefined) {
    throw new DataFolderError(
      `${layoutOf(root).versionFile} cannot be read as Cairn wrote it. The folder was left as it is.`,
    );
  }
  if (format !== FORMAT) {
    throw new DataFolderError(
      `${root} has format ${format}; this release knows ${FORMAT}. Use the release that wrote it, or a newer one. The folder was left as it is.`,
    );
  }
  return VERSION.parse(JSON.parse(text));
}

async function describe(layout: DataLayout, lock: FolderLock): Promise<DataFolder> {
  const found = (await checkVersion(layout.root)) ?? (await writeVersion(layout, randomUUID(), false));
  for (const folder of [layout.run, layout.history, layout.objects, layout.keys]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  if (!parseS3Url(layout.anchor)) await mkdir(layout.anchor, { recursive: true, mode: 0o700 });
  return {
    ...layout,
    installation: found.installation,
    needsAdministratorKey: !found.administratorKeyShown,
    keyShown: async () => {
      await writeVersion(layout, found.installation, true);
    },
    release: () => lock.release(),
  };
}

/** Makes it a data folder: what comes before is of no use without. */
export async function writeVersion(
  layout: Pick<DataLayout, 'versionFile'>,
  installation: string,
  administratorKeyShown: boolean,
): Promise<z.infer<typeof VERSION>> {
  const version = { format: FORMAT, installation, administratorKeyShown };
  await writeFileDurably(layout.versionFile, `${JSON.stringify(version)}\n`);
  return version;
}

function formatOf(text: string): number | undefined {
  try {
    return z.object({ format: z.int() }).parse(JSON.parse(text)).format;
  } catch {
    return undefined;
  }
}

/** The group's right to pass stays: it is the PostgreSQL user's. */
async function closeToOthers(root: string): Promise<void> {
  const { mode, uid } = await stat(root);
  if ((mode & 0o067) !== 0 && uid === process.getuid?.()) await chmod(root, mode & 0o710);
}

async function nearestFolder(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    if (hasCode(error, 'ENOENT') && dirname(path) !== path) return nearestFolder(dirname(path));
    throw error;
  }
}

/** What is in a folder; nothing when it is not there. @throws DataFolderError when it is a file */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    if (hasCode(error, 'ENOTDIR')) throw new DataFolderError(`${folder} is a file, not a folder.`);
    throw error;
  }
}
