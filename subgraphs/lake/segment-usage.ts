import { CairnError } from '#domain/errors';
import { decodeLogObjectHead } from '#journal/format/log-object';
import { decodeRecord } from '#journal/format/record';
import {
  decodeBlocks,
  decodeKeyList,
  decodeLayout,
  decodeStorageIndex,
  SEGMENT_HEAD_BYTES,
  type Section,
} from '#journal/format/segment';
import type { ObjectStore } from '#platform/objects/object-store';

/** What an object of the log says of storage. Key ids are hex. */
export type LogUsage =
  | { readonly kind: 'segment'; readonly frames: readonly FrameUsage[] }
  | { readonly kind: 'erasure'; readonly keys: readonly string[] }
  | { readonly kind: 'other' };

export interface FrameUsage {
  readonly keyId: string;
  readonly account: string;
  readonly events: number;
  /** As stored. */
  readonly bytes: number;
}

type Reader = Pick<ObjectStore, 'get'>;

/** Reads the head of an object and, of a segment, its block list and storage index: never its frames. */
export async function readUsage(objects: Reader, key: string): Promise<LogUsage> {
  const start = await read(objects, key, { offset: 0, length: SEGMENT_HEAD_BYTES });
  const head = decodeLogObjectHead(start);
  const record = decodeRecord(head.record);
  if (record.kind === 'erasure') {
    const body = { offset: head.bodyOffset, length: head.bodyLength };
    const list = decodeKeyList(await read(objects, key, body), record.keys, body.offset);
    return { kind: 'erasure', keys: list.map(({ id }) => id.toString('hex')) };
  }
  if (record.kind !== 'segment' || record.events === 0) return { kind: 'other' };
  const layout = decodeLayout(start, head);
  const blocks = decodeBlocks(await read(objects, key, layout.blocks), layout.blocks.offset);
  const index = decodeStorageIndex(await read(objects, key, layout.index), layout.index.offset);
  const frames = index.map(({ keyId, block, length, positions }) => {
    const account = blocks[block]?.account;
    if (account === undefined) throw new CairnError('CORRUPT', `${key} has a frame of no block.`);
    return {
      keyId: keyId.toString('hex'),
      account: String(account).padStart(12, '0'),
      events: positions.length,
      bytes: length,
    };
  });
  return { kind: 'segment', frames };
}

async function read(objects: Reader, key: string, section: Section): Promise<Buffer> {
  const bytes = await objects.get(key, { offset: section.offset, length: section.length });
  if (bytes === undefined) throw new CairnError('CORRUPT', `${key} has gone.`);
  return bytes;
}
