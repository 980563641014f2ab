import { CairnError } from '#domain/errors';
import type { DataKeys } from '#journal/data-keys';
import { inScope, type Erasures } from '#journal/erasures';
import {
  decodeFrameHeader,
  openFrame,
  type FrameKey,
  type FrameOwner,
  type OpenFrame,
} from '#journal/format/frame';
import { Lru } from '#journal/lru';
import type { EventRun, RunFrame } from '#journal/read/event-run';

/** Clear text in memory. */
const CACHED_BYTES = 48 * 1024 * 1024;
/** Frames fetched at the same time. */
const PARALLEL = 16;

interface ClearFrame {
  readonly open: OpenFrame;
  readonly account: number;
  readonly month: number;
}

/** Frames in the clear, for as long as nobody erases them. */
export class ClearFrames {
  readonly #log: Buffer;
  readonly #keys: DataKeys;
  readonly #erasures: Erasures;
  readonly #frames = new Lru<string, ClearFrame>(CACHED_BYTES);

  constructor(log: Buffer, keys: DataKeys, erasures: Erasures) {
    this.#log = log;
    this.#keys = keys;
    this.#erasures = erasures;
    erasures.onErasure((erasure) => {
      this.#frames.deleteWhere(({ account, month }) => inScope(erasure, account, month));
    });
  }

  /** Frames of a run by number; absent where an erasure destroyed the key. CORRUPT when one does not open. */
  async open(run: EventRun, numbers: Iterable<number>): Promise<ReadonlyMap<number, OpenFrame>> {
    await this.#erasures.fresh();
    const known = this.#erasures.known;
    const found = new Map<number, OpenFrame>();
    const missing: { readonly number: number; readonly frame: RunFrame }[] = [];
    for (const number of numbers) {
      const frame = run.frames[number];
      if (frame === undefined) throw new RangeError(`no frame ${number}`);
      const cached = this.#frames.get(frame.id);
      if (cached === undefined) missing.push({ number, frame });
      else found.set(number, cached.open);
    }
    if (missing.length === 0) return found;
    const keys = await this.#keys.byId(missing.map(({ frame }) => frame.keyId));
    const readable = missing.filter(({ frame }) => keys.has(frame.keyId.toString('hex')));
    for (let from = 0; from < readable.length; from += PARALLEL) {
      const part = readable.slice(from, from + PARALLEL);
      const stored = await Promise.all(part.map(({ frame }) => frame.load()));
      for (const [at, { number, frame }] of part.entries()) {
        const key = keys.get(frame.keyId.toString('hex'));
        const bytes = stored[at];
        if (key === undefined || bytes === undefined) continue;
        const open = openAs(frame, bytes, { log: this.#log, account: frame.account }, key);
        found.set(number, open);
        const { account, month } = frame;
        if (this.#erasures.known === known) this.#frames.set(frame.id, { open, account, month }, open.size);
      }
    }
    return found;
  }
}

/** The index names the frame, so that two frames of one key cannot be swapped. */
function openAs(frame: RunFrame, stored: Buffer, owner: FrameOwner, key: FrameKey): OpenFrame {
  if (decodeFrameHeader(stored).frameId.toString('hex') !== frame.id) {
    throw new CairnError('CORRUPT', `frame ${frame.id}: another frame lies in its place`);
  }
  return openFrame(stored, owner, key);
}
