import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { isBefore } from '#journal/place';
import type { ErasureScope, JournalEvent, JournalSlice, Place } from '#journal/types';
import { EntryMaker, resourceIds } from '#projections/history/entry';
import { cutOff, type HistoryPolicy } from '#projections/history/retention';
import { firstRowidOf, nextSlot, rowidOf, SLOTS } from '#projections/history/rowid';
import {
  COLUMN_FIELDS,
  COLUMN_OF,
  DIRT,
  FIELD_CODE,
  openWriter,
  type Dirt,
} from '#projections/history/tables';
import { quoted, valueTerm } from '#projections/history/terms';
import { storedText, ValueWriter } from '#projections/history/values';

/** Rows deleted in one transaction: some ten milliseconds. */
const DELETE_ROWS = 2_000;
/** Dictionary entries checked in one transaction. */
const ORPHANS = 2_000;
const EVENT_COLUMNS = 5 + COLUMN_FIELDS.length + 2;

/** The writing connection of one generation. Its methods must not overlap: workers/project.ts sees to it. */
export class HistoryWriter {
  readonly #db: DatabaseSync;
  readonly #policy: HistoryPolicy;
  readonly #values: ValueWriter;
  readonly #entries: EntryMaker;
  readonly #insertEvent: StatementSync;
  readonly #insertTerms: StatementSync;

  constructor(file: string, policy: HistoryPolicy) {
    this.#db = openWriter(file);
    this.#policy = policy;
    this.#values = new ValueWriter(this.#db);
    this.#entries = new EntryMaker(this.#values, policy.categories);
    const marks = Array.from({ length: EVENT_COLUMNS }, () => '?').join(', ');
    // The slot may hold another event: then nothing is inserted.
    this.#insertEvent = this.#db.prepare(`INSERT INTO event VALUES (${marks}) ON CONFLICT (id) DO NOTHING`);
    this.#insertTerms = this.#db.prepare('INSERT INTO term (rowid, t) VALUES (CAST(? AS INTEGER), ?)');
  }

  cursor(): Place {
    const row = this.#db.prepare('SELECT epoch, position FROM progress').get();
    return { epoch: Number(row?.['epoch']), position: Number(row?.['position']) };
  }

  /** Events before the cursor were written before and are passed over. */
  write(slice: JournalSlice): void {
    this.#transaction(() => {
      const cursor = this.cursor();
      // FTS5 writes its buffer out whenever a rowid goes down. An entry lives no longer than its insertion.
      for (const { event, rowid } of inOrder(slice.events, cursor)) this.#insert(event, rowid);
      this.#values.save();
      if (!isBefore(slice.next, cursor)) this.#moveTo(slice.next);
    });
  }

  /** Deletes the scope's rows; their text may stay in the file until it is compacted. Lets others run. */
  async erase({ account, before }: ErasureScope): Promise<void> {
    const id = this.#accountId(account);
    if (id === undefined) return;
    const last = before === undefined ? Number.MAX_SAFE_INTEGER : firstRowidOf(Math.floor(before / 1000)) - 1;
    await this.#deleteRows(id, last, 'ERASED');
  }

  /** Deletes what the policy no longer keeps. */
  async trim(): Promise<void> {
    const accounts = this.#db.prepare('SELECT id, text FROM value WHERE field = ?').all(FIELD_CODE.account);
    for (const { id, text } of accounts) {
      const limit = cutOff(this.#policy, String(text));
      if (limit === undefined) continue;
      await this.#deleteRows(Number(id), firstRowidOf(Math.ceil(limit / 1000)) - 1, 'TRIMMED');
    }
    await this.dropOrphans();
  }

  /** Drops the dictionary entries that lost their last event. A crash before the end loses none of them. */
  async dropOrphans(): Promise<void> {
    const next = this.#db.prepare('SELECT id FROM orphan LIMIT ?');
    const used = this.#db.prepare('SELECT 1 FROM term WHERE term MATCH ? LIMIT 1');
    const dropValue = this.#db.prepare('DELETE FROM value WHERE id = ?');
    const dropOrphan = this.#db.prepare('DELETE FROM orphan WHERE id = ?');
    for (let ids = next.all(ORPHANS); ids.length > 0; ids = next.all(ORPHANS)) {
      this.#transaction(() => {
        for (const { id } of ids) {
          if (used.get(quoted(valueTerm(Number(id)))) === undefined) dropValue.run(Number(id));
          dropOrphan.run(Number(id));
        }
      });
      this.#values.forget();
      await setImmediate();
    }
  }

  /** So much was deleted, or more, since the file was last compacted. */
  mustCompact(dirt: Dirt): boolean {
    return Number(this.#db.prepare('SELECT dirty FROM progress').get()?.['dirty']) >= DIRT[dirt];
  }

  markClean(): void {
    this.#db.exec('UPDATE progress SET dirty = 0');
  }

  /** Also empties the write-ahead log into the file, unless a reader holds it. */
  close(): void {
    this.#db.close();
  }

  #insert(event: JournalEvent, rowid: number): void {
    const limit = cutOff(this.#policy, event.account);
    if (limit !== undefined && event.eventTime < limit) return;
    const entry = this.#entries.entryOf(event);
    if (entry === undefined) return;
    let slot = rowid;
    while (this.#insertEvent.run(slot, ...entry.columns).changes === 0) {
      slot = nextSlot(slot);
      if (slot === rowid)
        throw new Error(`The second of row ${rowid} holds ${SLOTS} events, as many as fit.`);
    }
    this.#insertTerms.run(slot, entry.terms);
  }

  #moveTo({ epoch, position }: Place): void {
    this.#db.prepare('UPDATE progress SET epoch = ?, position = ?').run(epoch, position);
  }

  #accountId(account: string): number | undefined {
    const row = this.#db
      .prepare('SELECT id FROM value WHERE field = ? AND text = ?')
      .get(FIELD_CODE.account, storedText(account));
    return row === undefined ? undefined : Number(row['id']);
  }

  async #deleteRows(account: number, lastRowid: number, dirt: Dirt): Promise<void> {
    const find = this.#db.prepare(
      'SELECT * FROM event WHERE id > ? AND id <= ? AND account = ? ORDER BY id LIMIT ?',
    );
    const mark = this.#db.prepare('UPDATE progress SET dirty = max(dirty, ?)');
    for (let from = Number.MIN_SAFE_INTEGER; ; await setImmediate()) {
      const rows = find.all(from, lastRowid, account, DELETE_ROWS);
      this.#transaction(() => {
        if (rows.length > 0) mark.run(DIRT[dirt]);
        this.#delete(rows);
      });
      if (rows.length < DELETE_ROWS) return;
      from = Number(rows.at(-1)?.['id']);
    }
  }

  #delete(rows: readonly Record<string, unknown>[]): void {
    const dropEvent = this.#db.prepare('DELETE FROM event WHERE id = ?');
    const dropTerms = this.#db.prepare('DELETE FROM term WHERE rowid = CAST(? AS INTEGER)');
    const orphan = this.#db.prepare('INSERT OR IGNORE INTO orphan VALUES (?)');
    for (const row of rows) {
      for (const value of this.#valuesOf(row)) orphan.run(value);
      dropEvent.run(Number(row['id']));
      dropTerms.run(Number(row['id']));
    }
  }

  /** The entries that a row names. */
  #valuesOf(row: Record<string, unknown>): number[] {
    const ids = [row['shown_address'], ...COLUMN_FIELDS.map((field) => row[COLUMN_OF[field]])];
    return [...ids, ...resourceIds(row['resources']).flat()].filter((id) => typeof id === 'number');
  }

  #transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#values.forget();
      // A full disk or a damaged file may have rolled back already.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}

/** The events that are not written yet, in the order of the rows that they want; the slot may be taken. */
function inOrder(
  events: readonly JournalEvent[],
  cursor: Place,
): readonly { readonly event: JournalEvent; readonly rowid: number }[] {
  return events
    .filter(({ place }) => !isBefore(place, cursor))
    .map((event) => {
      const { eventTime, place } = event;
      return { event, rowid: rowidOf({ second: Math.floor(eventTime / 1000), position: place.position }) };
    })
    .toSorted((one, other) => one.rowid - other.rowid);
}
