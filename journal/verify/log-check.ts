import type { LedgerLine } from '#journal/format/batch';
import type { LogObjectHead } from '#journal/format/log-object';
import type { ErasureFields, LogRecord, SegmentFields } from '#journal/format/record';
import { decodeKeyList, sectionHash } from '#journal/format/segment';
import { uuidText } from '#journal/format/uuid';
import type { NoteKey } from '#journal/note';
import { epochRecordIsSigned, keyRecordIsSigned } from '#journal/record-signatures';
import type { SourceCounters } from '#journal/types';
import type { Fault, Findings } from '#journal/verify/finding';
import { FrameCheck } from '#journal/verify/frame-check';
import type { KeyCheck } from '#journal/verify/key-check';
import { corruptAsUndefined, type WalkedObject } from '#journal/verify/log-walk';
import { checkSegment, type SegmentParts } from '#journal/verify/segment-check';
import type { VerifyOptions } from '#journal/verify/verify';

interface Around {
  readonly findings: Findings;
  readonly keys: KeyCheck;
  /** As the first record says. */
  readonly log: Buffer | undefined;
}

/** Checks object after object what is in it, and that it goes on where the one before ended. */
export class LogCheck {
  readonly signingKeys = new Set<string>();
  /** In the key store: good for telling what a damaged key record was, never for believing anything. */
  readonly #spareKeys: NoteKey[] = [];
  readonly #options: VerifyOptions;
  readonly #around: Around;
  readonly #frames: FrameCheck | undefined;
  readonly #counters = new Map<string, { -readonly [Field in keyof LedgerLine]: LedgerLine[Field] }>();
  #lastKey: (NoteKey & { readonly record: Buffer }) | undefined;
  /** A record is damaged or missing that may have named another key. */
  #lastKeyUnsure = false;
  #epoch = 0;
  #time = 0;
  #position = 0;
  /** Undefined after a segment that is missing: the chain cannot be followed into the next. */
  #chain: Buffer | undefined = Buffer.alloc(32);
  #positionKnown = true;
  #events = 0;
  #bytes = 0;
  #records = 0;

  constructor(options: VerifyOptions, around: Around) {
    this.#options = options;
    this.#around = around;
    const { keys } = options;
    if (keys !== undefined && around.log !== undefined) {
      this.#frames = new FrameCheck(around.log, keys.derive('content-hash'));
    }
  }

  /** Names of signing keys in the key store, in case that the first key record is damaged. */
  async findSpareKeys(): Promise<void> {
    if (this.#around.log === undefined) return;
    const name = uuidText(this.#around.log);
    for await (const path of this.#options.keyObjects.list('signing/')) {
      const hex = path.slice('signing/'.length);
      if (/^[0-9a-f]{64}$/.test(hex)) this.#spareKeys.push({ name, publicKey: Buffer.from(hex, 'hex') });
    }
  }

  /**
   * Who may have signed the checkpoint of the last record: the newest key. Once a record is damaged or missing,
   * which is a finding, any key that could have been the log's, so that not all that follows is blamed.
   */
  get signers(): readonly NoteKey[] {
    const last = this.#lastKey === undefined ? [] : [this.#lastKey];
    return this.#lastKeyUnsure ? [...last, ...this.#spareKeys] : last;
  }

  /** Of the record that was checked last. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Of a key record: the checkpoint of its size is signed by it already. */
  takeKey(walked: WalkedObject): void {
    const { record, head } = walked;
    if (record === undefined || head === undefined) this.#lastKeyUnsure = true;
    else if (record.kind !== 'key' && walked.sequence === 0) {
      this.#tampered(walked, 'the log does not begin with a key record');
      this.#lastKeyUnsure = true;
    }
    if (record?.kind !== 'key' || head === undefined) return;
    const before = this.#lastKeyUnsure ? undefined : this.#lastKey?.record;
    const signed = this.#lastKeyUnsure || keyRecordIsSigned(head.record, record, before);
    if (!signed) {
      this.#tampered(walked, 'a signing key that it, or the one before it, has not signed');
      this.#lastKeyUnsure = true;
      return;
    }
    this.#lastKey = { record: head.record, name: uuidText(record.log), publicKey: record.publicKey };
    this.signingKeys.add(record.publicKey.toString('hex'));
  }

  /** An object is missing: what follows cannot be held against it. */
  skip(): void {
    this.#records++;
    this.#forget();
  }

  #forget(): void {
    this.#chain = undefined;
    this.#positionKnown = false;
    this.#lastKeyUnsure = true;
  }

  /** `trusted`: the record is the one that was signed, so what differs from it is at fault. */
  async object(
    walked: WalkedObject,
    place: { readonly previous: Buffer; readonly trusted: boolean },
  ): Promise<void> {
    const { record, head } = walked;
    this.#records++;
    if (record === undefined || head === undefined) {
      if (place.trusted)
        this.#tampered(walked, 'not an object that can be read', { offset: 0, length: walked.size });
      this.#forget();
      return;
    }
    const envelope = envelopeFault(walked, head);
    if (envelope !== undefined) this.#fault(walked, envelope);
    if (!place.trusted) {
      // Its fields say nothing; what of the body is whole cannot be told.
      this.#forget();
      return;
    }
    this.#place(walked, record, place.previous);
    await this.#body(walked, head, record);
    this.#options.onProgress?.({ records: this.#records, events: this.#events, bytes: this.#bytes });
  }

  #place(walked: WalkedObject, record: LogRecord, previous: Buffer): void {
    const wrong =
      record.log.equals(this.#around.log ?? record.log) &&
      record.epoch === walked.epoch &&
      record.sequence === walked.sequence &&
      record.previous.equals(previous) &&
      record.time >= this.#time &&
      (record.kind === 'epoch' || record.epoch === this.#epoch || !this.#positionKnown);
    if (!wrong) this.#tampered(walked, 'a record that does not follow the one before it');
    this.#epoch = record.epoch;
    this.#time = record.time;
  }

  async #body(walked: WalkedObject, head: LogObjectHead, record: LogRecord): Promise<void> {
    switch (record.kind) {
      case 'segment':
        return this.#segment(walked, head, record);
      case 'erasure':
        return this.#erasure(walked, head, record);
      case 'key':
        return;
      case 'epoch': {
        const signed = this.signers.some(({ publicKey }) => epochRecordIsSigned(record, publicKey));
        const place = !this.#positionKnown || record.oldEnd === this.#position;
        if (!signed || !place) this.#tampered(walked, "an epoch that the log's key has not begun here");
        return;
      }
      case 'unknown':
        return;
    }
  }

  async #segment(
    walked: WalkedObject,
    head: LogObjectHead,
    record: SegmentFields & LogRecord,
  ): Promise<void> {
    if (this.#positionKnown && record.first !== this.#position) {
      this.#tampered(walked, `a segment that begins at ${record.first}, not at ${this.#position}`);
    }
    const chain = this.#chain;
    this.#position = record.first + record.events;
    this.#positionKnown = true;
    this.#chain = record.chain;
    const { range } = this.#options;
    if (range !== undefined && (record.first >= range.to || this.#position <= range.from)) return;
    const object = (await this.#options.objects.get(walked.key)) ?? Buffer.alloc(0);
    this.#bytes += object.length;
    this.#events += record.events;
    const { parts, faults } = checkSegment(object, head, record, chain);
    for (const fault of faults) this.#fault(walked, fault);
    for (const batch of parts.batches ?? []) this.#count(batch.ledger);
    await this.#useFrames(walked, { object, first: record.first, parts, faults });
  }

  async #useFrames(
    walked: WalkedObject,
    segment: { object: Buffer; first: number; parts: SegmentParts; faults: readonly Fault[] },
  ): Promise<void> {
    const { parts, first, object } = segment;
    const { blocks, frames, entries, framesOffset } = parts;
    if (blocks === undefined || frames === undefined || framesOffset === undefined) return;
    const damaged = new Set(segment.faults.map((fault) => fault.offset));
    for (const frame of frames) {
      const block = blocks[frame.block];
      if (block === undefined) continue;
      const offset = framesOffset + frame.offset;
      if (!this.#around.keys.use(frame.keyId, block, frame.positions, first)) {
        this.#tampered(walked, 'a frame under the key of another account or month', {
          offset,
          length: frame.length,
        });
      }
      if (this.#frames === undefined || entries === undefined || damaged.has(offset)) continue;
      const secret = await this.#around.keys.open(frame.keyId, block);
      if (secret === undefined) continue;
      const stored = object.subarray(offset, offset + frame.length);
      const fault = this.#frames.check(first, { frame, block, stored, offset }, entries, secret);
      if (fault !== undefined) this.#fault(walked, fault);
    }
  }

  async #erasure(
    walked: WalkedObject,
    head: LogObjectHead,
    record: ErasureFields & LogRecord,
  ): Promise<void> {
    const object = (await this.#options.objects.get(walked.key)) ?? Buffer.alloc(0);
    const body = object.subarray(head.bodyOffset);
    const keys = corruptAsUndefined(() => decodeKeyList(body, record.keys));
    if (keys === undefined || !sectionHash('keys', body).equals(record.keyListHash)) {
      const range = { offset: head.bodyOffset, length: body.length };
      this.#tampered(walked, 'the list of erased keys is not the one that the record names', range);
      return;
    }
    for (const { id, month } of keys) {
      if (record.before === 0 || month < record.before) {
        this.#around.keys.erase(id, record.account, `objects:${walked.key}`);
      } else {
        this.#tampered(walked, 'an erasure of a month that it does not cover');
      }
    }
  }

  #count(ledger: readonly LedgerLine[]): void {
    for (const line of ledger) {
      const sum = this.#counters.get(line.source);
      if (sum === undefined) {
        this.#counters.set(line.source, { ...line });
        continue;
      }
      sum.received += line.received;
      sum.accepted += line.accepted;
      sum.duplicate += line.duplicate;
      sum.conflict += line.conflict;
      sum.refused += line.refused;
    }
  }

  /** The log must hang on a key that the caller knows, if it knows one. */
  checkTrust(): void {
    const { trusted } = this.#options;
    if (trusted === undefined || trusted.some((key) => this.signingKeys.has(key.publicKey.toString('hex'))))
      return;
    this.#around.findings.tampered('objects:log', 'the log is not signed by a key that you trust');
  }

  totals(): { position: number; events: number; bytes: number; counters: readonly SourceCounters[] } {
    const counters = [...this.#counters.values()].toSorted((a, b) => (a.source < b.source ? -1 : 1));
    return { position: this.#position, events: this.#events, bytes: this.#bytes, counters };
  }

  #fault(walked: WalkedObject, fault: Fault): void {
    this.#around.findings.fault(`objects:${walked.key}`, fault);
  }

  #tampered(walked: WalkedObject, message: string, bytes?: { offset: number; length: number }): void {
    this.#around.findings.tampered(`objects:${walked.key}`, message, bytes);
  }
}

/** Whether the object is as long as it says, and its first bytes are an object's. */
function envelopeFault(walked: WalkedObject, head: LogObjectHead): Fault | undefined {
  const end = head.bodyOffset + head.bodyLength;
  if (end === walked.size) return undefined;
  const message = `${walked.size} bytes, not ${end}`;
  return {
    offset: head.bodyOffset - 8,
    length: Math.max(8, Math.abs(walked.size - end) + head.bodyLength + 8),
    message,
  };
}
