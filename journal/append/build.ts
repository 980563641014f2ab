import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Decision } from '#journal/append/decisions';
import type { Intake } from '#journal/append/intake';
import type { DataKey } from '#journal/data-keys';
import {
  batchHash,
  commitmentOffset,
  encodeBatch,
  encodeLedger,
  Entries,
  ENTRY_BYTES,
  writeEntry,
  type BatchFrame,
  type LedgerLine,
} from '#journal/format/batch';
import { Commitments, encodePlain, FRAME_BYTES, newSeed, sealFrame } from '#journal/format/frame';
import { int4Array, int8Array, int8ArrayOfBytes, uuidArray } from '#journal/store/binary-array';
import type { AccountMonth } from '#journal/store/data-key-store';
import type { CommitRow } from '#journal/store/log-store';

/** Others get a turn after this long: a batch of 4 MB takes some 20 ms. */
const TURN_MS = 3;

/** The new events of one account and month, by index in the intake. */
interface Group extends AccountMonth {
  readonly indexes: number[];
}

/** The new events by account and month, and all of them in order. */
export interface NewEvents {
  readonly order: Int32Array;
  readonly groups: readonly Group[];
}

export function gatherNew(intake: Intake, decisions: readonly Decision[]): NewEvents {
  const order: number[] = [];
  const groups = new Map<number, Map<number, Group>>();
  let last: Group | undefined;
  for (const [index, decision] of decisions.entries()) {
    if (decision.kind !== 'new') continue;
    order.push(index);
    const account = intake.accounts[index] ?? 0;
    const month = intake.months[index] ?? 0;
    if (last?.account !== account || last.month !== month) last = groupOf(groups, account, month);
    last.indexes.push(index);
  }
  return {
    order: Int32Array.from(order),
    groups: [...groups.values()].flatMap((months) => [...months.values()]),
  };
}

function groupOf(groups: Map<number, Map<number, Group>>, account: number, month: number): Group {
  let months = groups.get(account);
  if (months === undefined) groups.set(account, (months = new Map()));
  let group = months.get(month);
  if (group === undefined) months.set(month, (group = { account, month, indexes: [] }));
  return group;
}

/** Counts what each source sent and what became of it. */
export function countLedger(intake: Intake, decisions: readonly Decision[]): LedgerLine[] {
  const lines = intake.sources.map((source) => ({
    source,
    received: 0,
    accepted: 0,
    duplicate: 0,
    conflict: 0,
    refused: 0,
  }));
  const bySource = new Map(lines.map((line) => [line.source, line]));
  for (const { source, received, refused } of intake.submissions) {
    const line = bySource.get(source);
    if (line === undefined) continue;
    line.received += received;
    line.refused += refused;
  }
  for (const [index, decision] of decisions.entries()) {
    const line = lines[intake.sourceOf[index] ?? 0];
    if (line === undefined) continue;
    if (decision.kind === 'new') line.accepted++;
    else if (decision.kind === 'refused') line.refused++;
    else if (decision.result === 'DUPLICATE') line.duplicate++;
    else line.conflict++;
  }
  return lines;
}

export interface BuildInput {
  /** UUID of the batch, 16 bytes. */
  readonly id: Buffer;
  readonly log: Buffer;
  readonly intake: Intake;
  readonly fresh: NewEvents;
  /** The active key of each group. */
  readonly keys: readonly DataKey[];
  readonly ledger: readonly LedgerLine[];
}

/** Encrypts the new events and makes the batch that PostgreSQL gets. */
export async function buildBatch(input: BuildInput): Promise<CommitRow> {
  const { id, intake, fresh } = input;
  const entries = Buffer.allocUnsafe(fresh.order.length * ENTRY_BYTES);
  for (let entry = 0; entry < fresh.order.length; entry++) {
    const index = fresh.order[entry] ?? 0;
    writeEntry(entries, entry, {
      account: intake.accounts[index] ?? 0,
      source: intake.sourceOf[index] ?? 0,
      eventTime: intake.events[index]?.eventTime ?? 0,
      identityKey: intake.key(index),
      contentHash: intake.hash(index),
    });
  }
  const frames = await new FrameBuilder(input, entries).build();
  const payload = encodeBatch({ id, ledger: input.ledger, entries: new Entries(entries), frames });
  return {
    id,
    count: fresh.order.length,
    ...sortedKeys(intake, fresh.order),
    hash: batchHash(id, encodeLedger(input.ledger), entries),
    ledger: JSON.stringify(input.ledger),
    payload,
  };
}

/** Fills frames group by group, and each event's commitment into its entry. */
class FrameBuilder {
  readonly #input: BuildInput;
  readonly #entries: Buffer;
  readonly #commitments = new Commitments();
  /** Entry of each event, by index in the intake. */
  readonly #entryOf: Int32Array;
  readonly #frames: BatchFrame[] = [];
  #turnEnds = performance.now() + TURN_MS;

  constructor(input: BuildInput, entries: Buffer) {
    this.#input = input;
    this.#entries = entries;
    this.#entryOf = new Int32Array(input.intake.events.length);
    for (const [entry, index] of input.fresh.order.entries()) this.#entryOf[index] = entry;
  }

  async build(): Promise<readonly BatchFrame[]> {
    const { fresh, intake, keys } = this.#input;
    for (const [number, group] of fresh.groups.entries()) {
      const key = keys[number];
      if (key === undefined) throw new Error('a group without a key');
      let from = 0;
      let bytes = 0;
      for (const [at, index] of group.indexes.entries()) {
        const size = intake.events[index]?.raw.length ?? 0;
        if (bytes + size > FRAME_BYTES && at > from) {
          await this.#flush(group, key, group.indexes.slice(from, at));
          from = at;
          bytes = 0;
        }
        bytes += size;
      }
      await this.#flush(group, key, from === 0 ? group.indexes : group.indexes.slice(from));
    }
    return this.#frames;
  }

  async #flush(group: Group, key: DataKey, members: readonly number[]): Promise<void> {
    const seed = newSeed();
    const raws: Buffer[] = [];
    const indexes = new Uint32Array(members.length);
    for (const [at, index] of members.entries()) {
      const raw = this.#input.intake.events[index]?.raw;
      if (raw === undefined) throw new RangeError(`no event ${index}`);
      const entry = this.#entryOf[index] ?? 0;
      raws.push(raw);
      indexes[at] = entry;
      this.#commitments.commit({ seed, index: at }, raw, this.#entries, commitmentOffset(entry));
    }
    const plain = encodePlain([{ seed, firstIndex: 0, count: raws.length }], raws);
    const owner = { log: this.#input.log, account: group.account };
    const stored = sealFrame(owner, key, { plain, count: raws.length });
    this.#frames.push({ account: group.account, month: group.month, stored, indexes });
    if (performance.now() > this.#turnEnds) {
      await yieldToOthers();
      this.#turnEnds = performance.now() + TURN_MS;
    }
  }
}

/**
 * Identities in order of hour and key, as all writers insert them: whoever waits for another's key holds none
 * that the other waits for. Sorted by hour and the key's first 32 bits in one number; equal ones are compared.
 */
function sortedKeys(
  intake: Intake,
  order: Int32Array,
): Pick<CommitRow, 'hours' | 'keys' | 'accounts' | 'indexes' | 'hashes'> {
  const rank = new Float64Array(order.length);
  for (let entry = 0; entry < order.length; entry++) {
    const index = order[entry] ?? 0;
    rank[entry] = (intake.hours[index] ?? 0) * 0x1_0000_0000 + intake.keys.readUInt32BE(index * 16);
  }
  const sorted = Int32Array.from(order.keys()).sort(
    (a, b) => (rank[a] ?? 0) - (rank[b] ?? 0) || intake.key(order[a] ?? 0).compare(intake.key(order[b] ?? 0)),
  );
  const keys = Buffer.allocUnsafe(order.length * 16);
  const hashes = Buffer.allocUnsafe(order.length * 8);
  const hours = new Int32Array(order.length);
  const accounts = new Float64Array(order.length);
  for (let at = 0; at < sorted.length; at++) {
    const index = order[sorted[at] ?? 0] ?? 0;
    intake.keys.copy(keys, at * 16, index * 16, index * 16 + 16);
    intake.hashes.copy(hashes, at * 8, index * 8, index * 8 + 8);
    hours[at] = intake.hours[index] ?? 0;
    accounts[at] = intake.accounts[index] ?? 0;
  }
  return {
    hours: int4Array(hours),
    keys: uuidArray(keys),
    accounts: int8Array(accounts),
    indexes: int4Array(sorted),
    hashes: int8ArrayOfBytes(hashes),
  };
}
