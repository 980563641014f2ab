import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';

import type { DataLayout } from '#cli/data-folder';
import {
  DataFolderError,
  layoutOf,
  locateDataFolder,
  namesIn,
  readVersion,
  RESTORE_FILE,
} from '#cli/data-folder';
import { lockFolder } from '#cli/folder-lock';
import { readText, syncFolder, writeFileDurably } from '#platform/files';

/** What a restore may find in a folder that is no data folder yet: what people put there first, or chance did. */
const EXPECTED =
  /^(master\.key|objects|keys|run|postgres|postgres\.new|lock|lock\.db|lost\+found|(lock|restore\.json)\..*\.tmp)$/;

const RESTORE = z.object({
  /** Of this restore, however often it is begun. */
  id: z.uuid(),
  /** The backup; null brings together what there is without one. */
  backup: z.string().nullable(),
  /** Whether the folder had no keys of its own: keys that it has are newer than any backup's. */
  bringsKeys: z.boolean(),
  /** Whether the folder was an installation's before. */
  inPlace: z.boolean(),
});
export type Restore = z.infer<typeof RESTORE>;

/** The data folder that a restore makes, or mends. */
export interface TargetFolder {
  readonly layout: DataLayout;
  /** Of the installation that lived there; undefined for a new folder. */
  readonly installation: string | undefined;
  readonly restore: Restore;
  /** Whether an earlier run began it. */
  readonly resumed: boolean;
  /** Takes the mark away: the folder can be started. */
  finish(): Promise<void>;
  release(): void;
}

export interface TargetOptions {
  readonly data: string;
  readonly anchor: string | undefined;
  readonly embedded: boolean;
  /** Null without a backup. */
  readonly backup: string | null;
  /** Whether the key store holds a key. */
  readonly hasKeys: (layout: DataLayout) => Promise<boolean>;
}

/**
 * Takes the folder for a restore and marks it, so that nothing starts on it before the restore has ended. One that
 * was interrupted goes on. A folder of something else is left as it is: DataFolderError, FolderLockedError.
 */
export async function openTarget(options: TargetOptions): Promise<TargetFolder> {
  const { root } = await locateDataFolder(options.data, options.embedded);
  await checkTarget(root, options);
  await mkdir(dirname(root), { recursive: true });
  await mkdir(root, { recursive: true, mode: 0o700 });
  await syncFolder(dirname(root));
  const lock = await lockFolder(root);
  try {
    const layout = layoutOf(root, options.anchor);
    const installation = await checkTarget(root, options);
    const begun = await readRestore(root);
    const restore = begun ?? (await beginRestore(layout, installation, options));
    await mkdir(layout.run, { recursive: true, mode: 0o700 });
    const finish = async (): Promise<void> => {
      await rm(join(root, RESTORE_FILE));
      await syncFolder(root);
    };
    return {
      layout,
      installation,
      restore,
      resumed: begun !== undefined,
      finish,
      release: () => lock.release(),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The installation in the folder; undefined when there is none, and nothing that a restore would disturb. */
async function checkTarget(root: string, { backup }: TargetOptions): Promise<string | undefined> {
  const begun = await readRestore(root);
  if (begun !== undefined && begun.backup !== backup) {
    const other = begun.backup === null ? 'without a backup' : `of the backup ${begun.backup}`;
    throw new DataFolderError(`A restore ${other} into ${root} has not ended: end that one first.`);
  }
  const names = await namesIn(root);
  const foreign = names.find((name) => !EXPECTED.test(name));
  if (begun !== undefined && !names.includes('cairn.json')) return undefined;
  if (foreign === undefined) return undefined;
  const version = await readVersion(root);
  return version?.installation;
}

async function readRestore(root: string): Promise<Restore | undefined> {
  const text = await readText(join(root, RESTORE_FILE));
  return text === undefined ? undefined : RESTORE.parse(JSON.parse(text));
}

async function beginRestore(
  layout: DataLayout,
  installation: string | undefined,
  { backup, hasKeys }: TargetOptions,
): Promise<Restore> {
  const restore = {
    id: randomUUID(),
    backup,
    bringsKeys: !(await hasKeys(layout)),
    inPlace: installation !== undefined,
  };
  await writeFileDurably(join(layout.root, RESTORE_FILE), `${JSON.stringify(restore)}\n`);
  return restore;
}
