import { CairnError } from '#domain/errors';
import { adoptNext } from '#journal/adopt';
import { CheckpointPublisher } from '#journal/checkpoint-publisher';
import { decodeBatch } from '#journal/format/batch';
import { encodeRecord } from '#journal/format/record';
import { encodeKeyList, sectionHash, type ErasedKey } from '#journal/format/segment';
import { keysOfSmallFrames, type FrameKeys } from '#journal/frame-packer';
import {
  nextPlace,
  readLogEnd,
  writeRecord,
  type LogEnd,
  type LogWriterDeps,
  type RecordToWrite,
} from '#journal/log-writer';
import { signKeyRecord } from '#journal/record-signatures';
import { buildSegment, type TailBatch } from '#journal/segment-builder';
import { createSigningKey, loadSigningKey } from '#journal/signing-key';
import { recordOfErasure } from '#journal/store/replay-store';
import {
  SealSession,
  type RecordEffects,
  type SealHead,
  type TailRow,
  tailState,
  type TailSize,
  type TailTable,
} from '#journal/store/seal-store';
import { decodeRecord } from '#journal/format/record';
import type { Pool } from '#platform/db';
import type { KeyProvider } from '#platform/keys';
import type { ObjectStore } from '#platform/objects/object-store';

const SEAL_BYTES = 8 * 1024 * 1024;
const SEAL_MS = 60_000;
const HEARTBEAT_MS = 3_600_000;

export interface SealerDeps {
  readonly pool: Pool;
  readonly objects: ObjectStore;
  readonly keyObjects: ObjectStore;
  readonly anchor: ObjectStore;
  readonly keys: KeyProvider;
  /** Data keys by the hex of their ids, absent those that were erased; CORRUPT when one is lost. */
  readonly dataKeys: (ids: readonly Buffer[]) => Promise<FrameKeys>;
  /** Hears of keys that are lost; their frames are sealed as they are. */
  readonly onLostKey?: (error: CairnError) => void;
  readonly step?: (name: string) => void | Promise<void>;
  readonly now?: () => number;
  /** Milliseconds by a clock that nobody sets; `performance.now` unless told. */
  readonly monotonic?: () => number;
  /** Stored bytes of the tail from which it is sealed, and about a segment's size; 8 MB unless told. */
  readonly sealBytes?: number;
  /** Age of the tail's oldest batch from which it is sealed; a minute unless told. */
  readonly sealMs?: number;
  /** A quiet log gets a segment without events after this time; an hour unless told. */
  readonly heartbeatMs?: number;
}

/** What an erasure record says; `keys`: those that were destroyed, in any order. */
export interface ErasureToWrite {
  readonly account: number;
  /** Months since 1970-01; 0: all. */
  readonly before: number;
  readonly upTo: number;
  readonly keys: readonly ErasedKey[];
}

/**
 * Moves the tail into segments and writes all other records of the log. Any number of processes may have one:
 * a lock in PostgreSQL lets one work at a time, and the put of an object decides when that fails.
 */
export class Sealer {
  readonly #deps: SealerDeps;
  readonly #writer: LogWriterDeps;
  readonly #publisher: CheckpointPublisher;
  readonly #monotonic: () => number;
  /** When this process last knew the tail to be empty, and last wrote a record or began; by `#monotonic`. */
  #emptyAt: number;
  #wroteAt: number;
  /** Resolves when the last one that came is done. */
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: SealerDeps) {
    const step = deps.step ?? ((): void => undefined);
    this.#deps = deps;
    this.#monotonic = deps.monotonic ?? ((): number => performance.now());
    this.#emptyAt = this.#wroteAt = this.#monotonic();
    this.#publisher = new CheckpointPublisher({ ...deps, step });
    this.#writer = { objects: deps.objects, publisher: this.#publisher, step, now: deps.now ?? Date.now };
  }

  /**
   * Seals the tail when it is large or old enough, or always with `force`; how many segments were written.
   * Without `force` returns 0 at once while another process seals.
   */
  async sealTail(options: { readonly force?: boolean } = {}): Promise<number> {
    const force = options.force ?? false;
    if (!force && !(await this.#isDue())) return 0;
    return this.#alone(() => this.#sealTail(force));
  }

  /**
   * One thing at a time in this process, whatever becomes of a connection and its lock: the publisher's tree is
   * one, and those who wait must not hold the connections that the one at work needs.
   */
  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    try {
      return await work();
    } finally {
      resolve();
    }
  }

  async #sealTail(force: boolean): Promise<number> {
    await using session = await SealSession.open(this.#deps.pool, force);
    const head = await session?.head();
    if (session === undefined || head === undefined) return 0;
    await this.#catchUp(session);
    let written = await this.#sealTable(session, head.tail === 0 ? 1 : 0);
    const size = await session.tailSize(head.tail);
    if (size.batches > 0 && (force || this.#isFull(size))) {
      await session.flip();
      await this.#writer.step('flipped');
      written += await this.#sealTable(session, head.tail);
    }
    if (size.batches === 0 && written === 0) written += await this.#heartbeat(session, head);
    if (written > 0) this.#emptyAt = this.#wroteAt = this.#monotonic();
    return written;
  }

  /** Seals both tables under a lock that is held already. */
  async sealLocked(session: SealSession): Promise<number> {
    const head = await session.head();
    if (head === undefined) return 0;
    const written = await this.#sealTable(session, head.tail === 0 ? 1 : 0);
    await session.flip();
    return written + (await this.#sealTable(session, head.tail));
  }

  async #catchUp(session: SealSession): Promise<void> {
    await this.#publisher.catchUp(session);
    this.#publisher.checkNothingLost();
  }

  #isFull(size: TailSize): boolean {
    if (size.bytes >= (this.#deps.sealBytes ?? SEAL_BYTES)) return true;
    return this.#age(size.receivedAt, this.#emptyAt) >= (this.#deps.sealMs ?? SEAL_MS);
  }

  /** How old a time is. One that lies ahead, because the clock was set back, says nothing: then since `since`. */
  #age(time: number, since: number): number {
    const age = this.#writer.now() - time;
    return age >= 0 ? age : this.#monotonic() - since;
  }

  #isQuiet(recordedAt: number): boolean {
    return this.#age(recordedAt, this.#wroteAt) >= (this.#deps.heartbeatMs ?? HEARTBEAT_MS);
  }

  /** Looked at without the lock, which costs a connection. */
  async #isDue(): Promise<boolean> {
    const { left, size, recordedAt } = await tailState(this.#deps.pool);
    if (left || (size.batches > 0 && this.#isFull(size))) return true;
    if (size.batches > 0) return false;
    this.#emptyAt = this.#monotonic();
    return this.#isQuiet(recordedAt);
  }

  /** Seals all rows of a table that does not grow. */
  async #sealTable(session: SealSession, table: TailTable): Promise<number> {
    let written = 0;
    for (;;) {
      const { rows, whole } = await session.tailRows(table, -1, this.#deps.sealBytes ?? SEAL_BYTES);
      const last = rows.at(-1);
      const head = await session.head();
      if (last === undefined || head === undefined) return written;
      const end = await readLogEnd(session, head);
      await this.#seal(session, end, { rows, sealed: { table, through: last.number, whole } });
      written++;
    }
  }

  async #seal(
    session: SealSession,
    end: LogEnd,
    tail: { readonly rows: readonly TailRow[]; readonly sealed: NonNullable<RecordEffects['sealed']> },
  ): Promise<void> {
    const batches = tail.rows.map(readTailRow);
    const frames = batches.flatMap(({ batch }) => batch.frames.map((frame) => frame.stored));
    const keys = await this.#keysOf(keysOfSmallFrames(frames));
    const { fields, body } = buildSegment({ ...end, first: end.position }, batches, keys);
    await this.#writer.step('built');
    const record = encodeRecord(nextPlace(end, this.#writer.now()), { kind: 'segment', ...fields });
    const ledgers = batches.flatMap(({ batch }) => batch.ledger);
    const effects = { ledgers, sealed: tail.sealed };
    if (await writeRecord(this.#writer, session, { record, body, effects })) return;
    await this.#adopt(session, end);
  }

  /** Somebody else's record is where ours should be. */
  async #adopt(session: SealSession, end: LogEnd): Promise<void> {
    if (!(await adoptNext(this.#writer, session, end))) {
      throw new CairnError('UNAVAILABLE', 'An object of the log was there and is gone.', { retryAfter: 1 });
    }
  }

  /** A lost key must not stop the log: verify will name it, sealing goes on with the others. */
  async #keysOf(ids: readonly Buffer[]): Promise<FrameKeys> {
    if (ids.length === 0) return new Map();
    try {
      return await this.#deps.dataKeys(ids);
    } catch (error) {
      if (!(error instanceof CairnError) || error.code !== 'CORRUPT') throw error;
      this.#deps.onLostKey?.(error);
      if (ids.length === 1) return new Map();
      const half = Math.ceil(ids.length / 2);
      const found = [await this.#keysOf(ids.slice(0, half)), await this.#keysOf(ids.slice(half))];
      return new Map(found.flatMap((keys) => [...keys]));
    }
  }

  /** An empty segment, so that a quiet log cannot lose its newest hours unseen. */
  async #heartbeat(session: SealSession, head: SealHead): Promise<number> {
    const end = await readLogEnd(session, head);
    if (!this.#isQuiet(end.time)) return 0;
    const { fields, body } = buildSegment({ ...end, first: end.position }, [], new Map());
    const record = encodeRecord(nextPlace(end, this.#writer.now()), { kind: 'segment', ...fields });
    const effects = {};
    if (!(await writeRecord(this.#writer, session, { record, body, effects })))
      await this.#adopt(session, end);
    return 1;
  }

  /** Writes the record of an erasure and marks it in its row; returns the record's sequence. */
  async writeErasure(erasure: ErasureToWrite): Promise<number> {
    const sorted = erasure.keys.toSorted((a, b) => a.month - b.month || Buffer.compare(a.id, b.id));
    const list = encodeKeyList(sorted);
    return this.#write(async (end, session) => {
      // Two starts may finish the same erasure, and what was adopted may have been its record.
      const there = await recordOfErasure(session.client, erasure);
      if (there !== undefined) return there;
      const { account, before, upTo } = erasure;
      const fields = { account, before, upTo, keys: sorted.length, keyListHash: sectionHash('keys', list) };
      const record = encodeRecord(nextPlace(end, this.#writer.now()), { kind: 'erasure', ...fields });
      return { record, body: [list], effects: { erasure } };
    });
  }

  /** Replaces the key that signs checkpoints; both keys sign the change. Returns the new public key. */
  async rotateSigningKey(): Promise<Buffer> {
    const { keyObjects, keys } = this.#deps;
    const next = await createSigningKey(keyObjects, keys);
    await this.#write(async (end, session) => {
      const newest = await session.newestKey();
      const record = newest === undefined ? undefined : decodeRecord(newest);
      const previous =
        record?.kind === 'key' ? await loadSigningKey(keyObjects, keys, record.publicKey) : undefined;
      return {
        record: signKeyRecord(nextPlace(end, this.#writer.now()), next, previous),
        body: [],
        effects: {},
      };
    });
    return next.publicKey;
  }

  /** `make` gives the record for the place, or the sequence at which it is already. */
  #write(make: (end: LogEnd, session: SealSession) => Promise<RecordToWrite | number>): Promise<number> {
    return this.#alone(() => this.#writeAlone(make));
  }

  async #writeAlone(
    make: (end: LogEnd, session: SealSession) => Promise<RecordToWrite | number>,
  ): Promise<number> {
    await using session = await SealSession.open(this.#deps.pool, true);
    const head = await session?.head();
    if (session === undefined || head === undefined)
      throw new CairnError('UNAVAILABLE', 'There is no log yet.');
    await this.#catchUp(session);
    for (;;) {
      const end = await readLogEnd(session, head);
      const made = await make(end, session);
      if (typeof made === 'number') return made;
      if (await writeRecord(this.#writer, session, made)) return end.sequence;
      await this.#adopt(session, end);
    }
  }
}

function readTailRow(row: TailRow): TailBatch {
  return { batch: decodeBatch(row.payload), first: row.first, receivedAt: row.receivedAt, chain: row.chain };
}
