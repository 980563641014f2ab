import { join } from 'node:path';
import { DiskObjectStore } from '#platform/objects/disk-object-store';
import type { ObjectStore } from '#platform/objects/object-store';

export interface JournalStores {
  readonly objects: ObjectStore;
  readonly keyObjects: ObjectStore;
  readonly anchor: ObjectStore;
}

/** The stores of a journal's folder in tests. */
export async function journalStores(folder: string): Promise<JournalStores> {
  return {
    objects: await DiskObjectStore.open(join(folder, 'objects')),
    keyObjects: await DiskObjectStore.open(join(folder, 'keys')),
    anchor: await DiskObjectStore.open(join(folder, 'anchor')),
  };
}
