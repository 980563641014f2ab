import { CairnError } from '#domain/errors';
import { decodeLogObjectHead, logObjectKey, type LogObjectHead } from '#journal/format/log-object';
import { decodeRecord, type LogRecord } from '#journal/format/record';
import type { ObjectReader } from '#platform/objects/object-store';

/** An object of the log, read and whole; its body is not checked. */
export interface LogObject {
  readonly key: string;
  readonly object: Buffer;
  readonly head: LogObjectHead;
  readonly record: LogRecord;
}

/** Undefined when there is none; CORRUPT when it is not an object of the log, or not all of one. */
export async function readLogObject(
  objects: ObjectReader,
  place: { readonly epoch: number; readonly sequence: number },
): Promise<LogObject | undefined> {
  const key = logObjectKey(place.epoch, place.sequence);
  const object = await objects.get(key);
  if (object === undefined) return undefined;
  const head = decodeLogObjectHead(object);
  if (head.bodyOffset + head.bodyLength !== object.length) {
    throw new CairnError(
      'CORRUPT',
      `${key} has ${object.length} bytes, not ${head.bodyOffset + head.bodyLength}`,
    );
  }
  return { key, object, head, record: decodeRecord(head.record) };
}

/** The body's bytes. */
export function bodyOf({ object, head }: Pick<LogObject, 'object' | 'head'>): Buffer {
  return object.subarray(head.bodyOffset);
}
