import { CairnError } from '#domain/errors';
import {
  decodeBlocks,
  decodeEntries,
  decodeSealedBatches,
  decodeStorageIndex,
  type IndexedFrame,
  type SealedBatch,
  type SegmentLayout,
} from '#journal/format/segment';
import { locate, type EventRun, type RunFrame } from '#journal/read/event-run';
import type { SegmentPlace } from '#journal/store/record-store';

/** Reads bytes of the segment's frames. `ahead`: the frames around it will be wanted soon. */
export type LoadFrame = (offset: number, length: number, ahead: boolean) => Promise<Buffer>;

/** From here on in the run events came at this time. */
interface Received {
  readonly from: number;
  readonly at: number;
}

/** What is known of the events of a run, apart from where they lie. */
interface Envelopes {
  readonly times: Float64Array;
  readonly sources: Uint16Array;
  readonly names: readonly string[];
  readonly received: readonly Received[];
}

/** Of an event: a time, the numbers of its source and frame, and its place there. */
const EVENT_SIZE = 18;
const FRAME_SIZE = 400;
const BATCH_SIZE = 64;

/**
 * The events of a segment. Kept for long: it holds copies and nothing that leads to the bytes of the index, which are
 * several times as large. So nothing here is a closure of the function that reads the index.
 */
export class SegmentRun implements EventRun {
  readonly epoch: number;
  readonly first: number;
  readonly count: number;
  readonly frames: readonly RunFrame[];
  readonly frameOf: Uint32Array;
  readonly slotOf: Uint32Array;
  /** Bytes in memory, about. */
  readonly size: number;
  readonly #envelopes: Envelopes;

  constructor(
    { epoch, first, count }: SegmentPlace,
    lies: Pick<EventRun, 'frames' | 'frameOf' | 'slotOf'>,
    envelopes: Envelopes,
  ) {
    this.epoch = epoch;
    this.first = first;
    this.count = count;
    this.frames = lies.frames;
    this.frameOf = lies.frameOf;
    this.slotOf = lies.slotOf;
    this.size = count * EVENT_SIZE + this.frames.length * FRAME_SIZE + envelopes.received.length * BATCH_SIZE;
    this.#envelopes = envelopes;
  }

  eventTime(index: number): number {
    return this.#envelopes.times[index] ?? 0;
  }

  source(index: number): string {
    const { names, sources } = this.#envelopes;
    return names[sources[index] ?? 0] ?? '';
  }

  receivedAt(index: number): number {
    return lastFrom(this.#envelopes.received, index);
  }
}

class SegmentFrame implements RunFrame {
  readonly id: string;
  readonly keyId: Buffer;
  readonly account: number;
  readonly month: number;
  readonly #offset: number;
  readonly #length: number;
  readonly #load: LoadFrame;

  constructor(
    { frameId, keyId, offset, length }: IndexedFrame,
    { account, month }: Pick<RunFrame, 'account' | 'month'>,
    load: LoadFrame,
  ) {
    this.id = frameId.toString('hex');
    this.keyId = Buffer.from(keyId);
    this.account = account;
    this.month = month;
    this.#offset = offset;
    this.#length = length;
    this.#load = load;
  }

  load(ahead: boolean): Promise<Buffer> {
    return this.#load(this.#offset, this.#length, ahead);
  }
}

/** Reads the index of a segment: all of its bytes that come before the frames. */
export function readSegmentRun(
  place: SegmentPlace,
  layout: SegmentLayout,
  bytes: Buffer,
  load: LoadFrame,
): SegmentRun {
  const section = (name: 'blocks' | 'entries' | 'ledger' | 'index'): Buffer =>
    bytes.subarray(layout[name].offset, layout[name].offset + layout[name].length);
  const blocks = decodeBlocks(section('blocks'), layout.blocks.offset);
  const entries = decodeEntries(section('entries'), layout.entries.offset);
  const batches = decodeSealedBatches(section('ledger'), layout.ledger.offset);
  const indexed = decodeStorageIndex(section('index'), layout.index.offset);
  const what = `segment of positions from ${place.first} on`;
  const members = indexed.map((frame) => frame.positions);
  const where = locate(place.count, members, what);
  const frames = indexed.map((frame) => {
    const owner = blocks[frame.block];
    if (owner === undefined) throw new CairnError('CORRUPT', `${what}: no block ${frame.block}`);
    return new SegmentFrame(frame, owner, load);
  });
  if (entries.count !== place.count) throw new CairnError('CORRUPT', `${what}: ${entries.count} entries`);
  return new SegmentRun(place, { frames, ...where }, readEnvelopes(entries, batches));
}

function readEnvelopes(
  entries: ReturnType<typeof decodeEntries>,
  batches: readonly SealedBatch[],
): Envelopes {
  const times = Float64Array.from({ length: entries.count }, (_, index) => entries.eventTime(index));
  const sources = new Uint16Array(entries.count);
  const received: Received[] = [];
  const table = new SourceTable();
  let from = 0;
  for (const { events, receivedAt, ledger } of batches) {
    received.push({ from, at: receivedAt });
    const numbers = ledger.map((line) => table.number(line.source));
    for (const end = from + events; from < end; from++) sources[from] = numbers[entries.source(from)] ?? 0;
  }
  return { times, sources, names: table.names, received };
}

class SourceTable {
  readonly names: string[] = [];
  readonly #numbers = new Map<string, number>();

  number(source: string): number {
    let number = this.#numbers.get(source);
    if (number === undefined) {
      number = this.names.length;
      this.names.push(source);
      this.#numbers.set(source, number);
    }
    return number;
  }
}

/** Time of receipt of the last batch that begins at or before `index`; one without events begins with the next. */
function lastFrom(batches: readonly Received[], index: number): number {
  let low = 0;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((batches[middle]?.from ?? 0) <= index) low = middle + 1;
    else high = middle;
  }
  return batches[low - 1]?.at ?? 0;
}
