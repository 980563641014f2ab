import { CairnError } from '#domain/errors';
import { sha256 } from '#journal/format/bytes';
import {
  decodeFrameHeader,
  FRAME_BYTES,
  joinFrames,
  openFrame,
  sealFrame,
  type FrameHeader,
  type FrameKey,
  type OpenFrame,
} from '#journal/format/frame';
import type { IndexedFrame } from '#journal/format/segment';

/** Plain bytes from which a frame is full enough to be copied as it is. */
const FULL_BYTES = FRAME_BYTES / 2;

/** Data keys by the hex of their ids; absent those that were destroyed. */
export type FrameKeys = ReadonlyMap<string, FrameKey>;

/** A frame of a batch, with its events' positions less the segment's first. */
export interface TailFrame {
  readonly stored: Buffer;
  readonly positions: Uint32Array;
}

interface PendingFrame extends TailFrame {
  readonly open: OpenFrame;
  readonly size: number;
}

/** The keys of frames that are small enough to be joined with others. */
export function keysOfSmallFrames(frames: Iterable<Buffer>): Buffer[] {
  const ids = new Map<string, Buffer>();
  for (const stored of frames) {
    const { keyId, plainLength } = decodeFrameHeader(stored);
    if (plainLength < FULL_BYTES) ids.set(keyId.toString('hex'), keyId);
  }
  return [...ids.values()];
}

/**
 * Lays out a segment's frames block by block. Small frames are joined, under the key that they already have:
 * nothing that an erasure destroys meanwhile comes back under another. What cannot be opened is copied.
 */
export class FramePacker {
  readonly index: IndexedFrame[] = [];
  readonly stored: Buffer[] = [];
  readonly #log: Buffer;
  readonly #keys: FrameKeys;
  #length = 0;

  constructor(log: Buffer, keys: FrameKeys) {
    this.#log = log;
    this.#keys = keys;
  }

  /** Bytes of all frames. */
  get length(): number {
    return this.#length;
  }

  /** The frames of one block, in order of position. */
  add(block: number, account: number, frames: readonly TailFrame[]): void {
    const headers = frames.map((frame) => decodeFrameHeader(frame.stored));
    const small = new Map<string, number>();
    for (const { keyId, plainLength } of headers) {
      if (plainLength < FULL_BYTES)
        small.set(keyId.toString('hex'), (small.get(keyId.toString('hex')) ?? 0) + 1);
    }
    for (const [index, frame] of frames.entries()) {
      const header = headers[index];
      if (header === undefined) continue;
      const alone = header.plainLength >= FULL_BYTES || (small.get(header.keyId.toString('hex')) ?? 0) < 2;
      if (alone) this.#copy(block, frame, header);
    }
    for (const [keyId, count] of small) {
      if (count < 2) continue;
      const joinable = frames.filter((_, index) => {
        const header = headers[index];
        return (
          header !== undefined && header.plainLength < FULL_BYTES && header.keyId.toString('hex') === keyId
        );
      });
      this.#join({ block, account, keyId }, joinable);
    }
  }

  #join(
    to: { readonly block: number; readonly account: number; readonly keyId: string },
    frames: readonly TailFrame[],
  ): void {
    const owner = { log: this.#log, account: to.account };
    const key = this.#keys.get(to.keyId);
    let pending: PendingFrame[] = [];
    let size = 0;
    const flush = (): void => {
      this.#flush(to, pending, key);
      pending = [];
      size = 0;
    };
    for (const frame of frames) {
      const header = decodeFrameHeader(frame.stored);
      const open = key === undefined ? undefined : tryOpen(frame.stored, owner, key);
      if (open === undefined) {
        this.#copy(to.block, frame, header);
        continue;
      }
      if (size + header.plainLength > FRAME_BYTES) flush();
      pending.push({ ...frame, open, size: header.plainLength });
      size += header.plainLength;
    }
    flush();
  }

  #flush(
    to: { readonly block: number; readonly account: number },
    pending: readonly PendingFrame[],
    key: FrameKey | undefined,
  ): void {
    const [first] = pending;
    if (first === undefined) return;
    if (pending.length === 1 || key === undefined) {
      for (const frame of pending) this.#copy(to.block, frame, decodeFrameHeader(frame.stored));
      return;
    }
    const positions = new Uint32Array(pending.reduce((sum, frame) => sum + frame.positions.length, 0));
    let at = 0;
    for (const frame of pending) {
      positions.set(frame.positions, at);
      at += frame.positions.length;
    }
    const stored = sealFrame(
      { log: this.#log, account: to.account },
      key,
      joinFrames(pending.map(({ open }) => open)),
    );
    this.#copy(to.block, { stored, positions }, decodeFrameHeader(stored));
  }

  #copy(block: number, frame: TailFrame, header: FrameHeader): void {
    if (header.count !== frame.positions.length) {
      throw new CairnError(
        'CORRUPT',
        `tail: a frame of ${header.count} events, not ${frame.positions.length}`,
      );
    }
    const { stored, positions } = frame;
    this.index.push({
      offset: this.#length,
      length: stored.length,
      frameId: header.frameId,
      keyId: header.keyId,
      codec: header.codec,
      dictionary: header.dictionary,
      block,
      hash: sha256(stored),
      positions,
    });
    this.stored.push(stored);
    this.#length += stored.length;
  }
}

/** A damaged frame is sealed as it is, so that the segment can be built and verify can name it. */
function tryOpen(
  stored: Buffer,
  owner: { log: Buffer; account: number },
  key: FrameKey,
): OpenFrame | undefined {
  try {
    return openFrame(stored, owner, key);
  } catch (error) {
    if (error instanceof CairnError && error.code === 'CORRUPT') return undefined;
    throw error;
  }
}
