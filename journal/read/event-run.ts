import type { JsonObject } from '#domain/event';
import { readRecord, recordedEventId } from '#domain/event-parse';
import { CairnError } from '#domain/errors';
import type { JournalEvent, Place } from '#journal/types';

/** A frame that holds events of a run. */
export interface RunFrame {
  /** The frame's id in hex: random, so it names the frame in caches. */
  readonly id: string;
  readonly keyId: Buffer;
  readonly account: number;
  readonly month: number;
  /** The stored bytes. `ahead`: the frames around it will be wanted soon. */
  load(ahead: boolean): Promise<Buffer>;
}

/** Events that follow one another, in a segment or in a batch of the tail; `index` counts from `first`. */
export interface EventRun {
  readonly epoch: number;
  readonly first: number;
  readonly count: number;
  readonly frames: readonly RunFrame[];
  /** The frame of each event, and its index in the frame. */
  readonly frameOf: Uint32Array;
  readonly slotOf: Uint32Array;
  eventTime(index: number): number;
  source(index: number): string;
  receivedAt(index: number): number;
}

/** Where each event of a run lies, from the lists of the frames. CORRUPT when they do not cover it exactly. */
export function locate(
  count: number,
  members: readonly Uint32Array[],
  what: string,
): { readonly frameOf: Uint32Array; readonly slotOf: Uint32Array } {
  const frameOf = new Uint32Array(count);
  const slotOf = new Uint32Array(count);
  const seen = new Uint8Array(count);
  let covered = 0;
  for (const [frame, indexes] of members.entries()) {
    for (let slot = 0; slot < indexes.length; slot++) {
      const index = indexes[slot] ?? count;
      if (index >= count || seen[index] === 1)
        throw new CairnError('CORRUPT', `${what}: event ${index} twice`);
      seen[index] = 1;
      frameOf[index] = frame;
      slotOf[index] = slot;
    }
    covered += indexes.length;
  }
  if (covered !== count)
    throw new CairnError('CORRUPT', `${what}: ${count - covered} events without a frame`);
  return { frameOf, slotOf };
}

/** An event of a run, read back. Its id is looked for in its bytes only when somebody asks. */
export class StoredEvent implements JournalEvent {
  readonly place: Place;
  readonly receivedAt: number;
  readonly account: string;
  readonly source: string;
  readonly eventTime: number;
  readonly raw: Buffer;
  #eventId: string | undefined;

  constructor(run: EventRun, index: number, account: number, raw: Buffer) {
    this.place = { epoch: run.epoch, position: run.first + index };
    this.receivedAt = run.receivedAt(index);
    this.account = String(account).padStart(12, '0');
    this.source = run.source(index);
    this.eventTime = run.eventTime(index);
    this.raw = raw;
  }

  get eventId(): string {
    return this.#eventId ?? this.eventIdIn(readRecord(this.raw));
  }

  eventIdIn(record: JsonObject): string {
    this.#eventId ??= recordedEventId(record, this.raw);
    return this.#eventId;
  }
}
