import { CairnError } from '#domain/errors';
import { checkpointKey, parseCheckpoint, type Checkpoint } from '#journal/checkpoint';
import { latestCheckpoint } from '#journal/checkpoint-publisher';
import { parseLogObjectKey } from '#journal/format/log-object';
import { decodeRecord, type LogRecord } from '#journal/format/record';
import { uuidText } from '#journal/format/uuid';
import { encodeVkey, type NoteKey } from '#journal/note';
import { KeyRecordStore } from '#journal/store/key-record-store';
import { corruptAsUndefined } from '#journal/verify/log-walk';
import { decodeLogObjectHead, LOG_OBJECT_HEAD_BYTES } from '#journal/format/log-object';
import type { Pool } from '#platform/db';
import type { ObjectReader } from '#platform/objects/object-store';

/** A checkpoint with the note that proves it. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: string;
}

/** A key that signs, or signed, a log's checkpoints. */
export interface LogKey extends NoteKey {
  /** As people hand it on: `name+hash+key`. */
  readonly vkey: string;
  /** Of its record: it signs the checkpoints of more records than that, until the next key. */
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** How many records may wait for their checkpoints before the store is listed instead. */
const LOOK_BACK = 8;

/** The log's checkpoints and keys for those who show them; trusts the store. */
export class CheckpointReader {
  readonly #objects: ObjectReader;
  readonly #records: KeyRecordStore;

  constructor(pool: Pool, objects: ObjectReader) {
    this.#objects = objects;
    this.#records = new KeyRecordStore(pool);
  }

  /** The newest checkpoint; undefined before the first. */
  async latest(): Promise<SignedCheckpoint | undefined> {
    const size = await this.#records.count();
    for (let at = size; at > Math.max(0, size - LOOK_BACK); at--) {
      const found = await this.at(at);
      if (found !== undefined) return found;
    }
    return latestCheckpoint(this.#objects);
  }

  /** The checkpoint of this many records; undefined when there is none. */
  async at(size: number): Promise<SignedCheckpoint | undefined> {
    const note = (await this.#objects.get(checkpointKey(size)))?.toString('utf8');
    if (note === undefined) return undefined;
    const checkpoint = parseCheckpoint(note);
    if (checkpoint === undefined)
      throw new CairnError('CORRUPT', `${checkpointKey(size)} holds no checkpoint`);
    return { ...checkpoint, note };
  }

  /** All keys of the log, oldest first; the last one signs now. */
  async publicKeys(): Promise<readonly LogKey[]> {
    return (await this.#records.keyRecords()).flatMap((bytes) => logKeyOf(decodeRecord(bytes)));
  }
}

/** The log's keys from its objects alone: reads the head of every one. Damaged ones are passed over. */
export async function publicKeysOf(objects: ObjectReader): Promise<readonly LogKey[]> {
  const keys: LogKey[] = [];
  for await (const key of objects.list('log/')) {
    if (parseLogObjectKey(key) === undefined) continue;
    const start = await objects.get(key, { offset: 0, length: LOG_OBJECT_HEAD_BYTES });
    const record = start && corruptAsUndefined(() => decodeRecord(decodeLogObjectHead(start).record));
    if (record !== undefined) keys.push(...logKeyOf(record));
  }
  return keys;
}

function logKeyOf(record: LogRecord): LogKey[] {
  if (record.kind !== 'key') return [];
  const key = { name: uuidText(record.log), publicKey: record.publicKey };
  return [{ ...key, vkey: encodeVkey(key), sequence: record.sequence, since: record.time }];
}
