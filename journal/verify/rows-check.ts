import { dataKeyObject } from '#journal/data-keys';
import { batchHash, decodeBatch, encodeLedger, nextChain, type Entries } from '#journal/format/batch';
import { recordLeaf, type LogRecord, type SegmentFields } from '#journal/format/record';
import { decodeEntries, decodeLayout, decodeSealedBatches } from '#journal/format/segment';
import { SealSession } from '#journal/store/seal-store';
import { VerifyStore, type StoredRecord, type StoredTailBatch } from '#journal/store/verify-store';
import { Findings, type Finding } from '#journal/verify/finding';
import { corruptAsUndefined, walkLog, type WalkedObject } from '#journal/verify/log-walk';
import { batchesWithEntries } from '#journal/verify/segment-check';
import type { SourceCounters } from '#journal/types';
import type { Pool } from '#platform/db';
import type { ObjectReader } from '#platform/objects/object-store';

export interface RowsToVerify {
  readonly pool: Pool;
  readonly objects: ObjectReader;
  readonly keyObjects: ObjectReader;
  readonly onFinding?: (finding: Finding) => void;
}

export interface RowsReport {
  readonly ok: boolean;
  /** Events of the tail, whose batches were held against the chain. */
  readonly tail: number;
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<Finding['kind'], number>>;
}

/** Where the rows have come to while they are followed. */
interface Follower {
  position: number;
  chain: Buffer;
  readonly counters: Map<string, number[]>;
}

/**
 * Holds PostgreSQL's rows against the objects, which `verifyJournal` has found whole: records, batches,
 * identities, counters, data keys; and the tail against its chain. Sealing waits meanwhile, appends do not.
 */
export async function verifyRows(options: RowsToVerify): Promise<RowsReport> {
  const findings = new Findings(options.onFinding);
  await using session = await SealSession.open(options.pool, true);
  let tail = 0;
  if (session !== undefined) {
    const check = new RowsCheck(options, new VerifyStore(session.client), findings);
    await check.records();
    await check.counters();
    tail = await check.tail(session);
    await check.totals();
    await check.dataKeys();
  }
  const { missing, tampered } = findings.counts;
  return { ok: missing === 0 && tampered === 0, tail, findings: findings.list, counts: findings.counts };
}

class RowsCheck {
  readonly #options: RowsToVerify;
  readonly #store: VerifyStore;
  readonly #findings: Findings;
  readonly #at: Follower = { position: 0, chain: Buffer.alloc(32), counters: new Map() };

  constructor(options: RowsToVerify, store: VerifyStore, findings: Findings) {
    this.#options = options;
    this.#store = store;
    this.#findings = findings;
  }

  /** Each object's row, and the rows of what is in it. */
  async records(): Promise<void> {
    const rows = this.#rows();
    // Damaged objects are verifyJournal's to name.
    for await (const walked of walkLog(this.#options.objects, new Findings())) {
      const row = (await rows.next()).value;
      if (row === undefined) {
        this.#findings.missing('rows:journal_record', `no row for ${walked.key}: start Cairn, it makes one`);
        return;
      }
      this.#compare(walked, row);
      if (walked.record?.kind === 'segment') await this.#segment(walked, walked.record);
    }
    for await (const row of rows) {
      this.#findings.tampered('rows:journal_record', `a row of record ${row.sequence}, which has no object`);
    }
  }

  async *#rows(): AsyncGenerator<StoredRecord, undefined> {
    for (let next = 0; ;) {
      const page = await this.#store.records(next);
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return undefined;
      next = last.sequence + 1;
    }
  }

  #compare(walked: WalkedObject, row: StoredRecord): void {
    const { head, record } = walked;
    const segment = record?.kind === 'segment' ? record : undefined;
    const same =
      head?.record.equals(row.record) === true &&
      recordLeaf(row.record).equals(row.leaf) &&
      row.sequence === walked.sequence &&
      row.epoch === walked.epoch &&
      row.type === row.record.readUInt8(0) &&
      row.bytes === walked.size &&
      row.first === segment?.first &&
      row.count === segment?.events;
    if (!same)
      this.#findings.tampered(
        'rows:journal_record',
        `the row of record ${row.sequence} is not ${walked.key}`,
      );
  }

  async #segment(walked: WalkedObject, record: LogRecord & SegmentFields): Promise<void> {
    this.#at.position = record.first + record.events;
    this.#at.chain = record.chain;
    const { objects } = this.#options;
    const { head } = walked;
    const layout = head && corruptAsUndefined(() => decodeLayout(walked.start, head));
    if (layout === undefined) return;
    const entryBytes = (await objects.get(walked.key, layout.entries)) ?? Buffer.alloc(0);
    const ledgerBytes = (await objects.get(walked.key, layout.ledger)) ?? Buffer.alloc(0);
    const entries = corruptAsUndefined(() => decodeEntries(entryBytes));
    const batches = corruptAsUndefined(() => decodeSealedBatches(ledgerBytes));
    if (entries === undefined || batches === undefined) return;
    for (const [index, part] of [...batchesWithEntries(record.first, batches, entries)].entries()) {
      const id = batches[index]?.id ?? Buffer.alloc(16);
      await this.#batch(id, { first: part.first, epoch: record.epoch, entries: part.batch.entries });
      for (const { source, ...counts } of part.batch.ledger) this.#count(source, counts);
    }
  }

  async #batch(id: Buffer, batch: { first: number; epoch: number; entries: Entries }): Promise<void> {
    const { first, epoch, entries } = batch;
    const positions = { from: first, to: first + entries.count };
    const place = await this.#store.batchPlace(id);
    if (place === undefined) this.#findings.missing('rows:journal_batch', 'no row for a batch', positions);
    else if (place.first !== first || place.epoch !== epoch || place.count !== entries.count) {
      const message = 'a batch at another place';
      this.#findings.add({ kind: 'tampered', where: 'rows:journal_batch', message, positions });
    }
    if (entries.count === 0 || (await this.#store.matchingKeys(id, entries)) === entries.count) return;
    const message = 'identities of a batch are missing or are of other events';
    this.#findings.add({ kind: 'tampered', where: 'rows:journal_key', message, positions });
  }

  #count(source: string, counts: Omit<SourceCounters, 'source'>): void {
    const { received, accepted, duplicate, conflict, refused } = counts;
    const sums = this.#at.counters.get(source) ?? [0, 0, 0, 0, 0];
    const lines = [received, accepted, duplicate, conflict, refused];
    this.#at.counters.set(
      source,
      sums.map((sum, index) => sum + (lines[index] ?? 0)),
    );
  }

  /** The counters of what is sealed, against the sum of the ledgers. */
  async counters(): Promise<void> {
    const rows = new Map(await this.#store.counters());
    for (const source of new Set([...rows.keys(), ...this.#at.counters.keys()])) {
      const expected = this.#at.counters.get(source) ?? [0, 0, 0, 0, 0];
      if (String(rows.get(source)) === String(expected)) continue;
      this.#findings.tampered(
        'rows:journal_counter',
        `the counters of ${source} are not those of its batches`,
      );
    }
  }

  /** Every batch of the tail against the chain; how many events there are. */
  async tail(session: SealSession): Promise<number> {
    const sealed = this.#at.position;
    // Before the batches: those that come meanwhile are followed too, and the head's is among them.
    const head = await session.head();
    let reached = head === undefined || head.chain.equals(this.#at.chain);
    for (let after = -1; ;) {
      const row = await this.#store.tailBatch(after);
      if (row === undefined) break;
      await this.#tailBatch(row);
      reached ||= head?.chain.equals(this.#at.chain) === true;
      after = row.number;
    }
    if (!reached) this.#findings.tampered('rows:journal_log', 'the head is not where the tail leads to');
    return this.#at.position - sealed;
  }

  async #tailBatch(row: StoredTailBatch): Promise<void> {
    const where = `rows:journal_tail_${row.table}`;
    const positions = { from: row.first, to: row.first + row.count };
    const batch = corruptAsUndefined(() => decodeBatch(row.payload));
    const hash = batch && batchHash(batch.id, encodeLedger(batch.ledger), batch.entries.bytes);
    const chain = hash && nextChain(this.#at.chain, hash, row);
    const follows =
      row.first === this.#at.position &&
      batch?.id.equals(row.batch) === true &&
      batch.entries.count === row.count &&
      chain?.equals(row.chain) === true;
    if (!follows) {
      this.#findings.add({
        kind: 'tampered',
        where,
        message: 'a batch that does not follow the one before it',
        positions,
      });
    }
    this.#at.position = positions.to;
    this.#at.chain = row.chain;
    if (batch !== undefined)
      await this.#batch(batch.id, { first: row.first, epoch: row.epoch, entries: batch.entries });
  }

  /** No identity and no batch more than there are events. */
  async totals(): Promise<void> {
    const { position, keys, batched } = await this.#store.totals();
    if (keys !== position) {
      this.#findings.tampered('rows:journal_key', `${keys} identities, but ${position} events`);
    }
    if (batched !== position) {
      this.#findings.tampered(
        'rows:journal_batch',
        `batches of ${batched} events, but there are ${position}`,
      );
    }
  }

  /** A living key has its object, a destroyed one has none. */
  async dataKeys(): Promise<void> {
    for (let after = Buffer.alloc(16); ;) {
      const page = await this.#store.dataKeys(after);
      for (const key of page) {
        const path = dataKeyObject(key);
        const there = (await this.#options.keyObjects.size(path)) !== undefined;
        if (there && key.destroyed)
          this.#findings.tampered(`keys:${path}`, 'a key that was destroyed is there');
        if (!there && !key.destroyed)
          this.#findings.missing(`keys:${path}`, 'a data key has a row but no object');
      }
      const last = page.at(-1);
      if (last === undefined) return;
      after = Buffer.from(last.id);
    }
  }
}
