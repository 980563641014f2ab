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
const CACHED_BYTES = 32 * 1024 * 1024;
/** Frames fetched at the same time. */
const PARALLEL = 16;
/** Frames of which it is remembered that somebody opened them. */
const REMEMBERED = 4096;

/**
 * Which frames stay in memory: all, for who reads on from there, or those that are asked for a second time.
 * Keeping each frame of scattered look-ups would push out the wanted ones, and age 64 KB of clear text into
 * the part of memory that is dear to collect.
 */
export type Keep = 'all' | 'repeated';

interface ClearFrame {
  readonly open: OpenFrame;
  readonly account: number;
  readonly month: number;
}

/** Frames lent to one reader. Disposing takes back the memory of those that are not kept: copy what is wanted. */
export interface LentFrames extends Disposable {
  /** By their number in the run; absent where an erasure destroyed the key. */
  readonly byNumber: ReadonlyMap<number, OpenFrame>;
}

/** Frames in the clear, for as long as nobody erases them. */
export class ClearFrames {
  readonly #log: Buffer;
  readonly #keys: DataKeys;
  readonly #erasures: Erasures;
  readonly #frames = new Lru<string, ClearFrame>(CACHED_BYTES);
  readonly #opened = new Lru<string, true>(REMEMBERED);

  constructor(log: Buffer, keys: DataKeys, erasures: Erasures) {
    this.#log = log;
    this.#keys = keys;
    this.#erasures = erasures;
    erasures.onErasure((erasure) => {
      this.#frames.deleteWhere(({ account, month }) => inScope(erasure, account, month));
    });
  }

  /** Frames of a run. With `keep` 'all' nothing is taken back. CORRUPT when one does not open. */
  async open(run: EventRun, numbers: Iterable<number>, keep: Keep): Promise<LentFrames> {
    await this.#erasures.fresh();
    const known = this.#erasures.known;
    const found = new Map<number, OpenFrame>();
    const passing: OpenFrame[] = [];
    const lent: LentFrames = {
      byNumber: found,
      [Symbol.dispose]: () => passing.forEach((frame) => frame.release()),
    };
    const missing: { readonly number: number; readonly frame: RunFrame }[] = [];
    for (const number of numbers) {
      const frame = run.frames[number];
      if (frame === undefined) throw new RangeError(`no frame ${number}`);
      const cached = this.#frames.get(frame.id);
      if (cached === undefined) missing.push({ number, frame });
      else found.set(number, cached.open);
    }
    if (missing.length === 0) return lent;
    const keys = await this.#keys.byId(missing.map(({ frame }) => frame.keyId));
    const readable = missing.filter(({ frame }) => keys.has(frame.keyId.toString('hex')));
    for (let from = 0; from < readable.length; from += PARALLEL) {
      const part = readable.slice(from, from + PARALLEL);
      const stored = await Promise.all(part.map(({ frame }) => frame.load(keep === 'all')));
      for (const [at, { number, frame }] of part.entries()) {
        const key = keys.get(frame.keyId.toString('hex'));
        const bytes = stored[at];
        if (key === undefined || bytes === undefined) continue;
        const open = openAs(frame, bytes, { log: this.#log, account: frame.account }, key);
        found.set(number, open);
        const isKept = this.#erasures.known === known && this.#isKept(frame, keep);
        if (isKept) this.#keep(frame, open);
        else if (keep !== 'all') passing.push(open);
      }
    }
    return lent;
  }

  #isKept({ id }: RunFrame, keep: Keep): boolean {
    if (keep === 'all' || this.#opened.get(id) === true) return true;
    this.#opened.set(id, true);
    return false;
  }

  #keep({ id, account, month }: RunFrame, open: OpenFrame): void {
    this.#frames.set(id, { open, account, month }, open.size);
  }
}

/** The index names the frame, so that two frames of one key cannot be swapped. */
function openAs(frame: RunFrame, stored: Buffer, owner: FrameOwner, key: FrameKey): OpenFrame {
  if (decodeFrameHeader(stored).frameId.toString('hex') !== frame.id) {
    throw new CairnError('CORRUPT', `frame ${frame.id}: another frame lies in its place`);
  }
  return openFrame(stored, owner, key);
}
