import { CairnError } from '#domain/errors';
import { checkpointKey } from '#journal/checkpoint';
import { LOG_OBJECT_HEAD_BYTES, logObjectKey } from '#journal/format/log-object';
import type { EpochStart } from '#journal/log-shape';
import { epochAt } from '#journal/log-shape';
import type { ObjectReader, ObjectStore } from '#platform/objects/object-store';

export interface Copied {
  objects: number;
  bytes: number;
}

interface LogCopy {
  readonly from: ObjectReader;
  readonly to: ObjectStore;
  readonly epochs: readonly EpochStart[];
  /** Sequences from `first` up to, not including, `end`. */
  readonly first: number;
  readonly end: number;
  /** Leaves what is there as it is, whatever it is. */
  readonly keep?: boolean;
  readonly onRecord?: (sequence: number) => void;
}

/**
 * Copies the objects of a log's records and their checkpoints, those that are not there yet; one object is in
 * memory at a time. A record's checkpoint may be missing: whoever starts the log signs it. CORRUPT when an object
 * is missing.
 */
export async function copyLog({ epochs, first, end, onRecord, ...stores }: LogCopy): Promise<Copied> {
  const copied: Copied = { objects: 0, bytes: 0 };
  for (let sequence = first; sequence < end; sequence++) {
    const key = logObjectKey(epochAt(epochs, sequence), sequence);
    if (!(await isThere(stores, key))) await copy({ ...stores, key, copied });
    await copyCheckpoint({ ...stores, key: checkpointKey(sequence + 1), copied });
    onRecord?.(sequence);
  }
  return copied;
}

/** Objects are never changed: the record in the first bytes, which names all the others, and the length tell. */
async function isThere(
  { from, to, keep }: Pick<LogCopy, 'from' | 'to' | 'keep'>,
  key: string,
): Promise<boolean> {
  const size = await to.size(key);
  if (keep === true) return size !== undefined;
  if (size === undefined || size !== (await from.size(key))) return false;
  const head = { offset: 0, length: LOG_OBJECT_HEAD_BYTES };
  const [there, ours] = [await to.get(key, head), await from.get(key, head)];
  return there !== undefined && ours?.equals(there) === true;
}

interface ObjectCopy extends Pick<LogCopy, 'from' | 'to' | 'keep'> {
  readonly key: string;
  readonly copied: Copied;
}

async function copy({ from, to, key, copied }: ObjectCopy): Promise<void> {
  const bytes = await from.get(key);
  if (bytes === undefined) throw new CairnError('CORRUPT', `${key} is missing.`);
  // What lies there under this name is of an end of the log that a restore has lost.
  await to.put(key, bytes);
  copied.objects++;
  copied.bytes += bytes.length;
}

async function copyCheckpoint({ from, to, keep, key, copied }: ObjectCopy): Promise<void> {
  if (keep === true && (await to.size(key)) !== undefined) return;
  const note = await from.get(key);
  if (note === undefined || (await to.get(key))?.equals(note) === true) return;
  await to.put(key, note);
  copied.bytes += note.length;
}
