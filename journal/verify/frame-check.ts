import { isRefusal, parseEvent } from '#domain/event-parse';
import { CairnError } from '#domain/errors';
import { hash } from 'node:crypto';
import type { Entries } from '#journal/format/batch';
import { Commitments, openFrame, type OpenFrame } from '#journal/format/frame';
import { Identities } from '#journal/format/identity';
import { monthOf } from '#journal/format/month';
import type { Block, IndexedFrame } from '#journal/format/segment';
import type { Fault } from '#journal/verify/finding';

/** A frame with its bytes and whose it is. */
export interface FrameToCheck {
  readonly frame: IndexedFrame;
  readonly block: Block;
  readonly stored: Buffer;
  /** From the object's first byte. */
  readonly offset: number;
}

/**
 * Opens frames and holds every event against its entry: commitment, content hash, identity and month. Whoever
 * can do this has the keys; everything else of verify works without.
 */
export class FrameCheck {
  readonly #log: Buffer;
  readonly #commitments = new Commitments();
  readonly #identities: Identities;
  readonly #scratch = Buffer.alloc(32);

  constructor(log: Buffer, contentSecret: Buffer) {
    this.#log = log;
    this.#identities = new Identities(contentSecret);
  }

  /** The first fault of the frame, if it has one. */
  check(
    segmentFirst: number,
    { frame, block, stored, offset }: FrameToCheck,
    entries: Entries,
    secret: Buffer,
  ): Fault | undefined {
    const range = { offset, length: stored.length };
    let open: OpenFrame;
    try {
      open = openFrame(stored, { log: this.#log, account: block.account }, { id: frame.keyId, secret });
    } catch (error) {
      if (!(error instanceof CairnError) || error.code !== 'CORRUPT') throw error;
      return { ...range, message: error.message };
    }
    for (const [slot, index] of frame.positions.entries()) {
      const message = this.#event(open, slot, { entries, index, block });
      const position = segmentFirst + index;
      if (message !== undefined)
        return { ...range, message, positions: { from: position, to: position + 1 } };
    }
    return undefined;
  }

  #event(
    open: OpenFrame,
    slot: number,
    entry: { readonly entries: Entries; readonly index: number; readonly block: Block },
  ): string | undefined {
    const { entries, index, block } = entry;
    const raw = open.event(slot);
    this.#commitments.commit(open.run(slot), raw, this.#scratch, 0);
    if (!this.#scratch.equals(entries.commitment(index))) return 'an event that is not the one committed to';
    this.#identities.contentHash(raw, this.#scratch, 0);
    if (!this.#scratch.subarray(0, 8).equals(entries.contentHash(index)))
      return 'a content hash of other bytes';
    if (monthOf(entries.eventTime(index)) !== block.month)
      return "an event of another month than its frame's";
    return this.#identity(raw, entries, index) ? undefined : 'an identity that is not that of the event';
  }

  #identity(raw: Buffer, entries: Entries, index: number): boolean {
    const account = entries.account(index);
    const event = parseEvent(raw, { now: Number.MAX_SAFE_INTEGER });
    const eventId = isRefusal(event) ? hash('sha256', raw) : event.eventId;
    this.#identities.identityKey(account, eventId, this.#scratch, 0);
    return this.#scratch.subarray(0, 16).equals(entries.identityKey(index));
  }
}
