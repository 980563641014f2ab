import { CairnError } from '#domain/errors';
import { parseCheckpoint } from '#journal/checkpoint';
import { decodeLogObjectHead, parseLogObjectKey, type LogObjectHead } from '#journal/format/log-object';
import { decodeRecord, recordLeaf, type LogRecord } from '#journal/format/record';
import { SEGMENT_HEAD_BYTES } from '#journal/format/segment';
import { uuidBytes } from '#journal/format/uuid';
import { tileKey, TILE_WIDTH } from '#journal/tiles';
import type { Findings } from '#journal/verify/finding';
import type { ObjectReader } from '#platform/objects/object-store';

/** An object of the log as far as it can be read. */
export interface WalkedObject {
  readonly key: string;
  readonly epoch: number;
  readonly sequence: number;
  /** The whole object's length. */
  readonly size: number;
  /** Its first bytes: enough for the record and the section lengths. */
  readonly start: Buffer;
  /** Absent when the head is damaged. */
  readonly head: LogObjectHead | undefined;
  /** Absent when the record is damaged. */
  readonly record: LogRecord | undefined;
}

/** More records in a row than this are not believed to be missing because of what one name, or one record, says. */
const MAX_GAP = 100_000;

/** Reads the heads of all objects of the log in order of sequence; names those that have no place in it. */
export async function* walkLog(objects: ObjectReader, findings: Findings): AsyncGenerator<WalkedObject> {
  const seen = new Set<number>();
  let epoch = 0;
  let next = 0;
  for await (const key of objects.list('log/')) {
    const place = parseLogObjectKey(key);
    if (place === undefined) {
      findings.tampered(`objects:${key}`, 'not the name of an object of the log');
      continue;
    }
    const walked = await readHead(objects, { key, ...place });
    const foreign = walked.record !== undefined && walked.record.sequence !== place.sequence;
    const far = place.sequence > next + MAX_GAP;
    const late = seen.has(place.sequence) || place.epoch < epoch;
    if (late || far || (foreign && !follows(seen, place.sequence))) {
      findings.tampered(`objects:${key}`, 'an object that the log does not have');
      continue;
    }
    seen.add(place.sequence);
    epoch = place.epoch;
    next = place.sequence + 1;
    yield walked;
  }
}

/** Whether it stands where the next object of the log is expected. */
function follows(seen: ReadonlySet<number>, sequence: number): boolean {
  return sequence === 0 || seen.has(sequence - 1);
}

async function readHead(
  objects: ObjectReader,
  at: { readonly key: string; readonly epoch: number; readonly sequence: number },
): Promise<WalkedObject> {
  const start = (await objects.get(at.key, { offset: 0, length: SEGMENT_HEAD_BYTES })) ?? Buffer.alloc(0);
  const size = (await objects.size(at.key)) ?? 0;
  const head = corruptAsUndefined(() => decodeLogObjectHead(start));
  const record = head === undefined ? undefined : corruptAsUndefined(() => decodeRecord(head.record));
  return { ...at, size, start, head, record };
}

/** The result, or undefined when the bytes are CORRUPT. */
export function corruptAsUndefined<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CairnError && error.code === 'CORRUPT') return undefined;
    throw error;
  }
}

/** The leaf of a record as the tiles have it. */
export async function leafInTile(objects: ObjectReader, sequence: number): Promise<Buffer | undefined> {
  const index = Math.floor(sequence / TILE_WIDTH);
  const at = sequence % TILE_WIDTH;
  const full = await objects.get(tileKey({ level: 0, index, width: TILE_WIDTH }));
  const tile = full ?? (await objects.get(tileKey({ level: 0, index, width: at + 1 })));
  if (tile === undefined || tile.length < (at + 1) * 32) return undefined;
  return tile.subarray(at * 32, at * 32 + 32);
}

export function leafOf(walked: WalkedObject): Buffer | undefined {
  return walked.head === undefined ? undefined : recordLeaf(walked.head.record);
}

/** Objects that are asked which log they are of. */
const WITNESSES = 8;

/** The log's UUID, as most of its first records and checkpoints say: any one of them may be damaged. */
export async function logIdentity(objects: ObjectReader): Promise<Buffer | undefined> {
  const votes = new Map<string, number>();
  const vote = (log: string | undefined): void => {
    if (log !== undefined) votes.set(log, (votes.get(log) ?? 0) + 1);
  };
  for await (const key of firstKeys(objects, 'log/')) {
    const { record } = await readHead(objects, { key, epoch: 0, sequence: 0 });
    vote(record?.log.toString('hex'));
  }
  for await (const key of firstKeys(objects, 'checkpoint/')) {
    const note = await objects.get(key);
    const origin = note === undefined ? undefined : parseCheckpoint(note.toString('utf8'))?.origin;
    vote(origin === undefined ? undefined : uuidBytes(origin)?.toString('hex'));
  }
  const [winner] = [...votes].toSorted(([, a], [, b]) => b - a);
  return winner === undefined ? undefined : Buffer.from(winner[0], 'hex');
}

async function* firstKeys(objects: ObjectReader, prefix: string): AsyncGenerator<string> {
  let count = 0;
  for await (const key of objects.list(prefix)) {
    if (count++ >= WITNESSES) return;
    yield key;
  }
}
