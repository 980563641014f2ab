import { CairnError } from '#domain/errors';
import { decodeRecord } from '#journal/format/record';
import type { RecordStore } from '#journal/store/record-store';
import type { Place } from '#journal/types';

/** Where earlier epochs ended, for cursors that were given out before a restore. */
export class Epochs {
  readonly #records: RecordStore;
  #ends: { readonly epoch: number; readonly ends: ReadonlyMap<number, number> } | undefined;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  /**
   * CURSOR_EXPIRED when the place lies past the end of its epoch, as a restore found it: what was read before
   * it may not be in the log any more.
   */
  async check(place: Place, head: Place): Promise<void> {
    if (place.epoch === head.epoch && place.position <= head.position) return;
    if (place.epoch < head.epoch) {
      const ends = await this.#endsBefore(head.epoch);
      const lost = [...ends].some(([epoch, end]) => epoch >= place.epoch && place.position > end);
      // An epoch that is not of this log was begun by a restore that was itself undone.
      if (ends.has(place.epoch) && !lost) return;
    }
    throw new CairnError(
      'CURSOR_EXPIRED',
      'The log was restored and ends before this cursor: read from the start.',
    );
  }

  async #endsBefore(epoch: number): Promise<ReadonlyMap<number, number>> {
    if (this.#ends?.epoch === epoch) return this.#ends.ends;
    const ends = new Map<number, number>();
    for (const bytes of await this.#records.epochRecords()) {
      const record = decodeRecord(bytes);
      if (record.kind === 'epoch') ends.set(record.oldEpoch, record.oldEnd);
    }
    this.#ends = { epoch, ends };
    return ends;
  }
}
