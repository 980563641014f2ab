import { existsSync } from 'node:fs';
import type { DataLayout } from '#cli/data-folder';
import { DataFolderError } from '#cli/data-folder';
import { FileKeyProvider } from '#platform/keys';
import { DiskObjectStore } from '#platform/objects/disk-object-store';

/** The first key of a log is wrapped before anything else is. */
const SIGNING_KEYS = 'signing/';

/**
 * The master key of a data folder, made while nothing was wrapped by one. A lost key is not replaced, nor another
 * one taken: what was recorded before would be unreadable, and nobody would notice. DataFolderError says so.
 */
export async function openMasterKey(
  layout: Pick<DataLayout, 'root' | 'masterKey' | 'keys'>,
): Promise<FileKeyProvider> {
  const keys = await DiskObjectStore.open(layout.keys);
  for await (const path of keys.list(SIGNING_KEYS)) {
    const wrapped = await keys.get(path);
    if (wrapped === undefined) continue;
    if (!existsSync(layout.masterKey)) {
      throw new DataFolderError(
        `${layout.masterKey} is missing, and nothing in ${layout.root} can be read without it: put your copy back.`,
      );
    }
    const key = await FileKeyProvider.open(layout.masterKey);
    await key.unwrap(wrapped, path).catch((cause: unknown) => {
      throw new DataFolderError(
        `${layout.masterKey} is not the master key of this folder (it does not open ${path}): put your copy back.`,
        { cause },
      );
    });
    return key;
  }
  return FileKeyProvider.openOrCreate(layout.masterKey);
}
