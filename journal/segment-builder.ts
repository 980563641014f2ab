import { CairnError } from '#domain/errors';
import { batchHash, encodeLedger, nextChain, type Batch } from '#journal/format/batch';
import { EventLeafInput } from '#journal/format/envelope';
import type { SegmentFields } from '#journal/format/record';
import {
  blockLeafInput,
  encodeBlocks,
  encodeEntries,
  encodeSealedBatches,
  encodeSectionLengths,
  encodeStorageIndex,
  sectionHash,
  type Block,
} from '#journal/format/segment';
import { FramePacker, type FrameKeys, type TailFrame } from '#journal/frame-packer';
import { CompactRange } from '#journal/merkle/compact-range';
import { leafHash, LeafHasher } from '#journal/merkle/hash';

/** A batch of the tail with the place that its commit gave it. */
export interface TailBatch {
  readonly batch: Batch;
  readonly first: number;
  readonly receivedAt: number;
  /** The tail chain after it, as PostgreSQL computed it. */
  readonly chain: Buffer;
}

/** Where a segment begins: the log, and the end of what is sealed. */
export interface SegmentStart {
  readonly log: Buffer;
  readonly epoch: number;
  readonly first: number;
  readonly chain: Buffer;
}

export interface BuiltSegment {
  readonly fields: SegmentFields;
  /** The body's sections, in order. */
  readonly body: readonly Buffer[];
}

interface OpenBlock {
  readonly account: number;
  readonly month: number;
  count: number;
  readonly frames: TailFrame[];
}

/**
 * Builds the body of a segment from batches that follow one another (docs/formats/journal.md, section 7).
 * Nothing is unpacked except small frames, which are joined. CORRUPT when the batches do not follow `start`,
 * do not lead to their chain or their frames do not cover their events exactly once.
 */
export function buildSegment(
  start: SegmentStart,
  batches: readonly TailBatch[],
  keys: FrameKeys,
): BuiltSegment {
  const chain = checkChain(start, batches);
  const events = batches.reduce((sum, { batch }) => sum + batch.entries.count, 0);
  const { blocks, blockOf } = gatherBlocks(start.first, batches, events);
  const leaves = eventLeaves(start, batches, events);
  const sealed = blockRoots(blocks, blockOf, leaves);
  const packer = new FramePacker(start.log, keys);
  for (const [index, block] of blocks.entries()) packer.add(index, block.account, block.frames);
  const body = {
    blocks: encodeBlocks(sealed),
    entries: encodeEntries(batches.map(({ batch }) => batch.entries.bytes)),
    ledger: encodeSealedBatches(
      batches.map(({ batch, receivedAt }) => ({
        id: batch.id,
        events: batch.entries.count,
        receivedAt,
        ledger: batch.ledger,
      })),
    ),
    index: encodeStorageIndex(packer.index),
    frames: packer.length,
  };
  const fields = {
    first: start.first,
    events,
    blocks: blocks.length,
    blockRoot: rootOfBlocks(sealed),
    entriesHash: sectionHash('entries', body.entries),
    indexHash: sectionHash('index', body.index),
    ledgerHash: sectionHash('ledger', body.ledger),
    chain,
    receivedFrom: batches[0]?.receivedAt ?? 0,
    receivedTo: batches.at(-1)?.receivedAt ?? 0,
  };
  const lengths = encodeSectionLengths({
    blocks: body.blocks.length,
    entries: body.entries.length,
    ledger: body.ledger.length,
    index: body.index.length,
    frames: body.frames,
  });
  return { fields, body: [lengths, body.blocks, body.entries, body.ledger, body.index, ...packer.stored] };
}

function checkChain(start: SegmentStart, batches: readonly TailBatch[]): Buffer {
  let chain = start.chain;
  let next = start.first;
  for (const { batch, first, receivedAt, chain: expected } of batches) {
    if (first !== next) throw new CairnError('CORRUPT', `tail: a batch begins at ${first}, not at ${next}`);
    const hash = batchHash(batch.id, encodeLedger(batch.ledger), batch.entries.bytes);
    chain = nextChain(chain, hash, { first, receivedAt });
    if (!chain.equals(expected))
      throw new CairnError('CORRUPT', `tail: chain broken in the batch at ${first}`);
    next += batch.entries.count;
  }
  return chain;
}

/** Blocks in their order, and for every event the index of its block. */
function gatherBlocks(
  segmentFirst: number,
  batches: readonly TailBatch[],
  events: number,
): { blocks: OpenBlock[]; blockOf: Int32Array } {
  const found = new Map<number, Map<number, number>>();
  const blocks: OpenBlock[] = [];
  const blockOf = new Int32Array(events).fill(-1);
  for (const { batch, first } of batches) {
    const base = first - segmentFirst;
    for (const frame of batch.frames) {
      const number = blockNumber(found, blocks, frame);
      const block = blocks[number];
      if (block === undefined) continue;
      const positions = new Uint32Array(frame.indexes.length);
      for (let index = 0; index < positions.length; index++) {
        const position = base + (frame.indexes[index] ?? 0);
        if (blockOf[position] !== -1) throw uncovered(first, 'two frames hold one event');
        blockOf[position] = number;
        positions[index] = position;
      }
      block.count += positions.length;
      block.frames.push({ stored: frame.stored, positions });
    }
  }
  if (blockOf.includes(-1)) throw uncovered(segmentFirst, 'no frame holds an event');
  return inOrder(blocks, blockOf);
}

function uncovered(first: number, what: string): CairnError {
  return new CairnError('CORRUPT', `tail: ${what} of the batch at ${first}`);
}

function blockNumber(
  found: Map<number, Map<number, number>>,
  blocks: OpenBlock[],
  of: { readonly account: number; readonly month: number },
): number {
  let months = found.get(of.account);
  if (months === undefined) {
    months = new Map();
    found.set(of.account, months);
  }
  let number = months.get(of.month);
  if (number === undefined) {
    number = blocks.length;
    months.set(of.month, number);
    blocks.push({ account: of.account, month: of.month, count: 0, frames: [] });
  }
  return number;
}

function inOrder(blocks: OpenBlock[], blockOf: Int32Array): { blocks: OpenBlock[]; blockOf: Int32Array } {
  const order = blocks
    .map((block, number) => ({ block, number }))
    .toSorted((a, b) => a.block.account - b.block.account || a.block.month - b.block.month);
  const rank = new Int32Array(blocks.length);
  for (const [index, { number }] of order.entries()) rank[number] = index;
  for (let position = 0; position < blockOf.length; position++) {
    blockOf[position] = rank[blockOf[position] ?? 0] ?? 0;
  }
  return { blocks: order.map(({ block }) => block), blockOf };
}

/** Leaf hashes of all events, in order of position, 32 bytes each. */
export function eventLeaves(
  start: Pick<SegmentStart, 'log' | 'epoch'>,
  batches: Iterable<{ batch: Pick<Batch, 'entries' | 'ledger'>; first: number; receivedAt: number }>,
  events: number,
): Buffer {
  const leaves = Buffer.allocUnsafe(events * 32);
  const input = new EventLeafInput(start.log, start.epoch);
  const hasher = new LeafHasher();
  let at = 0;
  for (const { batch, first, receivedAt } of batches) {
    const { entries, ledger } = batch;
    for (let index = 0; index < entries.count; index++) {
      const source = ledger[entries.source(index)]?.source;
      if (source === undefined) throw new CairnError('CORRUPT', `no source in the batch at ${first}`);
      const envelope = { position: first + index, receivedAt, account: entries.account(index), source };
      hasher.into(input.encode(envelope, entries.commitment(index)), leaves, at);
      at += 32;
    }
  }
  return leaves;
}

/** Trees of all blocks over their events' leaves, in order of position. */
export function blockRoots(
  blocks: readonly { account: number; month: number; count: number }[],
  blockOf: Int32Array,
  leaves: Buffer,
): Block[] {
  const next = new Uint32Array(blocks.length);
  let start = 0;
  for (const [index, block] of blocks.entries()) {
    next[index] = start;
    start += block.count;
  }
  const ordered = new Uint32Array(blockOf.length);
  for (let position = 0; position < blockOf.length; position++) {
    const block = blockOf[position] ?? 0;
    const slot = next[block] ?? 0;
    ordered[slot] = position;
    next[block] = slot + 1;
  }
  const range = new CompactRange();
  let slot = 0;
  return blocks.map(({ account, month, count }) => {
    range.reset();
    for (const end = slot + count; slot < end; slot++) range.append(leaves, (ordered[slot] ?? 0) * 32);
    return { account, month, count, root: range.root() };
  });
}

export function rootOfBlocks(blocks: readonly Block[]): Buffer {
  const range = new CompactRange();
  for (const block of blocks) range.append(leafHash(blockLeafInput(block)));
  return range.root();
}
