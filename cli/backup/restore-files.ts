import type { BackupFolder } from '#cli/backup/backup-folder';
import { copyNewKeys } from '#cli/backup/copy-keys';
import { copyLog } from '#cli/backup/copy-log';
import type { Manifest } from '#cli/backup/manifest';
import { anchorKey, checkpointKey } from '#journal/checkpoint';
import { logObjectKey } from '#journal/format/log-object';
import { epochAt, logShape, sharedLog } from '#journal/log-shape';
import { rebuildTiles } from '#journal/rebuild-tiles';
import type { ObjectStore } from '#platform/objects/object-store';

interface FilesToRestore {
  readonly backup: BackupFolder;
  /** The newest in the folder: what its objects are. */
  readonly newest: Manifest;
  readonly to: {
    readonly objects: ObjectStore;
    readonly keyObjects: ObjectStore;
    readonly anchor: ObjectStore;
  };
  /** Keys are taken from the backup only where there are none: those that are there know of later erasures. */
  readonly bringsKeys: boolean;
  readonly onProgress?: ((what: string) => void) | undefined;
  readonly step: (name: string) => void;
}

export interface RestoredFiles {
  readonly keys: number;
  readonly objects: number;
}

/** Puts the keys and objects of a backup where they are missing, with tiles and the anchor's copies. */
export async function restoreFiles(options: FilesToRestore): Promise<RestoredFiles> {
  const { backup, to, newest, bringsKeys, step } = options;
  const keys = bringsKeys ? await copyNewKeys(backup.keys, to.keyObjects) : 0;
  step('keys');
  const objects = newest.bucket === null ? await restoreLog(options) : 0;
  step('objects');
  await fillAnchor(options);
  step('anchor');
  return { keys, objects };
}

async function restoreLog({ backup, to, newest, onProgress, step }: FilesToRestore): Promise<number> {
  const there = await logShape(to.objects);
  const { records, forked } = sharedLog(there, newest);
  // Those that are there went on after an earlier restore: the backup's end is the one that was lost then.
  const end = forked ? records : newest.records;
  const { objects } = await copyLog({
    from: backup.objects,
    to: to.objects,
    epochs: newest.epochs,
    first: 0,
    end,
    keep: true,
    onRecord: (sequence) => onProgress?.(`record ${sequence + 1} of ${end}`),
  });
  step('log');
  if (there.records <= end) await rebuildTiles(to.objects, objectKeys(newest, end));
  return objects;
}

function* objectKeys({ epochs }: Manifest, end: number): Generator<string> {
  for (let sequence = 0; sequence < end; sequence++) yield logObjectKey(epochAt(epochs, sequence), sequence);
}

async function fillAnchor({ to, newest }: FilesToRestore): Promise<void> {
  for (let size = 1; size <= newest.records; size++) {
    const key = anchorKey(newest.log, { epoch: epochAt(newest.epochs, size - 1), size });
    if ((await to.anchor.size(key)) !== undefined) continue;
    const note = await to.objects.get(checkpointKey(size));
    if (note !== undefined) await to.anchor.putIfAbsent(key, note);
  }
}
