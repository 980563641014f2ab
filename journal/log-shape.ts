import { logObjectKey, parseLogObjectKey } from '#journal/format/log-object';
import type { ObjectReader } from '#platform/objects/object-store';

export interface EpochStart {
  readonly epoch: number;
  /** Of its first record. */
  readonly sequence: number;
}

/** How far a log goes, and which epoch its records are of. */
export interface LogShape {
  readonly records: number;
  /** Oldest first. */
  readonly epochs: readonly EpochStart[];
}

/** The epoch of the record at `sequence`. */
export function epochAt(epochs: readonly EpochStart[], sequence: number): number {
  return epochs.findLast((one) => one.sequence <= sequence)?.epoch ?? 0;
}

/**
 * How many first records two shapes of a log have in common, and whether they go on differently: one of them was
 * restored from a backup that lacked the other's end.
 */
export function sharedLog(a: LogShape, b: LogShape): { readonly records: number; readonly forked: boolean } {
  const records = Math.min(a.records, b.records);
  const starts = [...a.epochs, ...b.epochs].map(({ sequence }) => sequence);
  const same = (sequence: number): boolean => epochAt(a.epochs, sequence) === epochAt(b.epochs, sequence);
  const forks = starts.filter((sequence) => sequence < records && !same(sequence));
  const fork = Math.min(records, ...forks);
  return { records: fork, forked: fork < records };
}

/** Where the epochs begin, as the objects' names say; the walk over the objects finds names that lie. */
export async function epochStarts(objects: ObjectReader): Promise<readonly EpochStart[]> {
  const starts: EpochStart[] = [];
  for (let after = ''; ;) {
    const key = await firstKey(objects, after);
    if (key === undefined) return starts;
    const place = parseLogObjectKey(key);
    if (place === undefined) after = key;
    else {
      starts.push(place);
      after = logObjectKey(place.epoch, Number.MAX_SAFE_INTEGER);
    }
  }
}

/** The shape of the log as the objects' names say. */
export async function logShape(objects: ObjectReader): Promise<LogShape> {
  const epochs = await epochStarts(objects);
  const newest = epochs.at(-1);
  if (newest === undefined) return { records: 0, epochs };
  let last = newest.sequence;
  for await (const key of objects.list(logObjectKey(newest.epoch, 0).slice(0, -16))) {
    last = Math.max(last, parseLogObjectKey(key)?.sequence ?? 0);
  }
  return { records: last + 1, epochs };
}

async function firstKey(objects: ObjectReader, after: string): Promise<string | undefined> {
  for await (const key of objects.list('log/', after)) return key;
  return undefined;
}
