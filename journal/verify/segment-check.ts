import { CairnError } from '#domain/errors';
import { batchHash, ENTRY_BYTES, Entries, nextChain } from '#journal/format/batch';
import { sha256 } from '#journal/format/bytes';
import { decodeFrameHeader } from '#journal/format/frame';
import type { LogObjectHead } from '#journal/format/log-object';
import { monthOf } from '#journal/format/month';
import type { RecordHead, SegmentFields } from '#journal/format/record';
import {
  compareBlocks,
  decodeBlocks,
  decodeEntries,
  decodeLayout,
  decodeSealedBatches,
  decodeStorageIndex,
  sectionHash,
  type Block,
  type IndexedFrame,
  type SealedBatch,
  type Section,
  type SectionName,
  type SegmentLayout,
} from '#journal/format/segment';
import { blockRoots, eventLeaves, rootOfBlocks } from '#journal/segment-builder';
import type { Fault } from '#journal/verify/finding';

const DAY_MS = 86_400_000;

/** A segment's sections, read; those that are damaged are absent. */
export interface SegmentParts {
  readonly blocks?: readonly Block[];
  readonly entries?: Entries;
  readonly batches?: readonly SealedBatch[];
  readonly frames?: readonly IndexedFrame[];
  /** Where the section `frames` begins in the object. */
  readonly framesOffset?: number;
}

export interface SegmentReport {
  readonly parts: SegmentParts;
  readonly faults: readonly Fault[];
}

/**
 * Checks a segment's object against its record, without keys: every section against its hash, blocks and
 * chain against the entries, frames against the storage index. `chain`: the tail chain before the segment.
 */
export function checkSegment(
  object: Buffer,
  head: LogObjectHead,
  record: RecordHead & SegmentFields,
  chain: Buffer | undefined,
): SegmentReport {
  const check = new SegmentCheck(object, record);
  const layout = check.attempt({ offset: head.bodyOffset, length: 40 }, () => decodeLayout(object, head));
  if (layout === undefined) return { parts: {}, faults: check.faults };
  const parts = check.sections(layout);
  check.batches(layout, parts, chain);
  check.blocks(layout, parts);
  check.frames(layout, parts);
  return { parts: { ...parts, framesOffset: layout.frames.offset }, faults: check.faults };
}

class SegmentCheck {
  readonly faults: Fault[] = [];
  readonly #object: Buffer;
  readonly #record: RecordHead & SegmentFields;

  constructor(object: Buffer, record: RecordHead & SegmentFields) {
    this.#object = object;
    this.#record = record;
  }

  attempt<Result>(range: Section, work: () => Result): Result | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof CairnError) || error.code !== 'CORRUPT') throw error;
      this.#fault(range, error.message);
      return undefined;
    }
  }

  #fault(range: Section, message: string, events?: Uint32Array): void {
    const { first, events: count } = this.#record;
    const offsets = events ?? Uint32Array.of(0, Math.max(0, count - 1));
    const positions = {
      from: first + Math.min(...ends(offsets)),
      to: first + Math.max(...ends(offsets)) + 1,
    };
    this.faults.push({ ...range, message, positions });
  }

  /** Reads a section whose hash is the record's. */
  #section<Result>(
    layout: SegmentLayout,
    name: Exclude<SectionName, 'frames' | 'blocks'>,
    read: { readonly expected: Buffer; readonly decode: (bytes: Buffer, base: number) => Result },
  ): Result | undefined {
    const range = layout[name];
    const bytes = this.#bytes(range);
    if (!sectionHash(name, bytes).equals(read.expected)) {
      this.#fault(range, `the section "${name}" is not the one that the record names`);
      return undefined;
    }
    return this.attempt(range, () => read.decode(bytes, range.offset));
  }

  #bytes(range: Section): Buffer {
    return this.#object.subarray(range.offset, range.offset + range.length);
  }

  sections(layout: SegmentLayout): SegmentParts {
    const { entriesHash, ledgerHash, indexHash, blockRoot } = this.#record;
    const blocks = this.attempt(layout.blocks, () =>
      decodeBlocks(this.#bytes(layout.blocks), layout.blocks.offset),
    );
    const known = blocks !== undefined && rootOfBlocks(blocks).equals(blockRoot);
    if (blocks !== undefined && !known)
      this.#fault(layout.blocks, 'the blocks are not those that the record names');
    const entries = this.#section(layout, 'entries', { expected: entriesHash, decode: decodeEntries });
    const batches = this.#section(layout, 'ledger', { expected: ledgerHash, decode: decodeSealedBatches });
    const frames = this.#section(layout, 'index', { expected: indexHash, decode: decodeStorageIndex });
    return {
      ...(known && { blocks }),
      ...(entries !== undefined && { entries }),
      ...(batches !== undefined && { batches }),
      ...(frames !== undefined && { frames }),
    };
  }

  /** Counts, times and the chain, from the ledger and the entries. */
  batches(layout: SegmentLayout, { entries, batches }: SegmentParts, before: Buffer | undefined): void {
    if (entries === undefined || batches === undefined) return;
    const record = this.#record;
    let at = 0;
    let chain = before;
    let receivedAt = 0;
    for (const batch of batches) {
      const fault = batchFault(batch, entries, at);
      if (fault !== undefined) this.#fault(layout.ledger, fault);
      if (batch.receivedAt < receivedAt) this.#fault(layout.ledger, 'a time of receipt goes backwards');
      receivedAt = batch.receivedAt;
      const bytes = entries.bytes.subarray(at * ENTRY_BYTES, (at + batch.events) * ENTRY_BYTES);
      const place = { first: record.first + at, receivedAt };
      if (chain !== undefined) chain = nextChain(chain, batchHash(batch.id, batch.ledgerBytes, bytes), place);
      at += batch.events;
    }
    if (at !== entries.count || at !== record.events) {
      this.#fault(
        layout.ledger,
        `${at} events in batches, ${entries.count} entries, ${record.events} in the record`,
      );
    }
    if (chain !== undefined && !chain.equals(record.chain))
      this.#fault(layout.ledger, 'the tail chain is broken');
    if ((batches[0]?.receivedAt ?? 0) !== record.receivedFrom || receivedAt !== record.receivedTo) {
      this.#fault(layout.ledger, "times of receipt are not the record's");
    }
  }

  /** The blocks that the entries make, against those that are there. */
  blocks(layout: SegmentLayout, { blocks, entries, batches }: SegmentParts): void {
    if (blocks === undefined || entries === undefined || batches === undefined) return;
    if (blocks.length !== this.#record.blocks) this.#fault(layout.blocks, `${blocks.length} blocks`);
    const blockOf = blocksOf(entries, blocks);
    if (blockOf === undefined) {
      this.#fault(layout.blocks, 'blocks and entries are not of the same accounts and months');
      return;
    }
    const leaves = this.attempt(layout.entries, () =>
      eventLeaves(this.#record, batchesWithEntries(this.#record.first, batches, entries), entries.count),
    );
    if (leaves === undefined) return;
    const roots = blockRoots(blocks, blockOf, leaves);
    for (const [index, block] of blocks.entries()) {
      if (roots[index]?.root.equals(block.root) === true) continue;
      const range = { offset: layout.blocks.offset + 4 + index * 46, length: 46 };
      this.#fault(range, 'a block is not over the events of its account and month');
    }
  }

  /** Every frame against the index, and the index against the blocks. */
  frames(layout: SegmentLayout, { blocks, entries, frames }: SegmentParts): void {
    if (frames === undefined) return;
    const covered = new Uint8Array(this.#record.events);
    const blockOf = entries === undefined || blocks === undefined ? undefined : blocksOf(entries, blocks);
    let next = 0;
    for (const frame of frames) {
      const range = { offset: layout.frames.offset + frame.offset, length: frame.length };
      if (frame.offset !== next) this.#fault(layout.index, `a frame at ${frame.offset}, not at ${next}`);
      next = frame.offset + frame.length;
      for (const position of frame.positions) {
        if (covered[position] !== 0)
          this.#fault(layout.index, 'an event is in two frames, or beyond the end');
        covered[position] = 1;
        if (blockOf !== undefined && blockOf[position] !== frame.block) {
          this.#fault(layout.index, "a frame holds another block's event");
        }
      }
      this.#frame(range, frame);
    }
    if (next !== layout.frames.length) this.#fault(layout.frames, `frames end at ${next}`);
    if (covered.includes(0)) this.#fault(layout.index, 'an event is in no frame');
  }

  #frame(range: Section, frame: IndexedFrame): void {
    const stored = this.#bytes(range);
    if (!sha256(stored).equals(frame.hash)) {
      this.#fault(range, 'a frame is not the one that the index names', frame.positions);
      return;
    }
    const header = this.attempt(range, () => decodeFrameHeader(stored));
    if (header === undefined) return;
    const same =
      header.keyId.equals(frame.keyId) &&
      header.frameId.equals(frame.frameId) &&
      header.codec === frame.codec &&
      header.dictionary === frame.dictionary &&
      header.count === frame.positions.length;
    if (!same) this.#fault(range, "a frame's header is not what the index says", frame.positions);
  }
}

/** The first and last of a frame's events; a frame is written in order of position. */
function ends(offsets: Uint32Array): [number, number] {
  const first = offsets[0] ?? 0;
  return [first, offsets.at(-1) ?? first];
}

function batchFault(batch: SealedBatch, entries: Entries, first: number): string | undefined {
  let accepted = 0;
  for (const line of batch.ledger) {
    accepted += line.accepted;
    if (line.received !== line.accepted + line.duplicate + line.conflict + line.refused) {
      return `the counters of ${line.source} do not add up`;
    }
  }
  if (accepted !== batch.events) return `a batch of ${batch.events} events counts ${accepted} accepted`;
  if (first + batch.events > entries.count) return 'a batch has more events than there are entries';
  const perSource = batch.ledger.map(() => 0);
  for (let index = first; index < first + batch.events; index++) {
    const source = entries.source(index);
    perSource[source] = (perSource[source] ?? 0) + 1;
  }
  if (perSource.length !== batch.ledger.length) return 'an entry is of a source that the ledger lacks';
  const wrong = batch.ledger.find((line, index) => line.accepted !== perSource[index]);
  return wrong === undefined ? undefined : `${wrong.source} has another number of entries than it counts`;
}

/** Batches with their part of a segment's entries. */
export function* batchesWithEntries(
  segmentFirst: number,
  batches: readonly SealedBatch[],
  entries: Entries,
): Generator<{
  batch: { entries: Entries; ledger: SealedBatch['ledger'] };
  first: number;
  receivedAt: number;
}> {
  let at = 0;
  for (const { events, ledger, receivedAt } of batches) {
    const part = new Entries(entries.bytes.subarray(at * ENTRY_BYTES, (at + events) * ENTRY_BYTES));
    yield { batch: { entries: part, ledger }, first: segmentFirst + at, receivedAt };
    at += events;
  }
}

/** The index of each entry's block; undefined when blocks are lacking, too many or of other sizes. */
export function blocksOf(entries: Entries, blocks: readonly Block[]): Int32Array | undefined {
  const numbers = new Map<string, number>();
  for (const [index, { account, month }] of blocks.entries()) numbers.set(`${account}/${month}`, index);
  const counts = new Uint32Array(blocks.length);
  const blockOf = new Int32Array(entries.count);
  const months = new Map<number, number>();
  for (let index = 0; index < entries.count; index++) {
    const account = entries.account(index);
    const month = monthOfDay(months, Math.floor(entries.eventTime(index) / DAY_MS));
    const last = index === 0 ? undefined : blockOf[index - 1];
    const guess = last === undefined ? undefined : blocks[last];
    const same = last !== undefined && guess !== undefined && compareBlocks(guess, { account, month }) === 0;
    const number = same ? last : numbers.get(`${account}/${month}`);
    if (number === undefined) return undefined;
    blockOf[index] = number;
    counts[number] = (counts[number] ?? 0) + 1;
  }
  return blocks.every((block, index) => block.count === counts[index]) ? blockOf : undefined;
}

function monthOfDay(cache: Map<number, number>, day: number): number {
  let month = cache.get(day);
  if (month === undefined) {
    month = monthOf(day * DAY_MS);
    cache.set(day, month);
  }
  return month;
}
