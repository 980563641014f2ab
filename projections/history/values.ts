import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { parseIp } from '#domain/filter/ip';
import { FIELD_CODE } from '#projections/history/tables';

/** Entries kept per field; the hot values of a month fit. */
const CACHE_ENTRIES = 50_000;
/** Longer texts are looked up each time. */
const CACHE_TEXT_CHARS = 512;

/** SQLite's text is UTF-8, which makes all lone surrogates one: a text that has some is kept as UTF-16 bytes. */
export function storedText(text: string): string | Buffer {
  return text.isWellFormed() ? text : Buffer.from(text, 'utf16le');
}

export function shownText(stored: unknown): string {
  if (typeof stored === 'string') return stored;
  return stored instanceof Uint8Array ? Buffer.from(stored).toString('utf16le') : '';
}

/** The numbers of field values, given at first sight. One transaction at a time; `forget` after a rollback. */
export class ValueWriter {
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #next: StatementSync;
  readonly #saveNext: StatementSync;
  readonly #known = new Map<number, Map<string, number>>();
  #nextId: number | undefined;

  constructor(db: DatabaseSync) {
    this.#select = db.prepare('SELECT id FROM value WHERE field = ? AND text = ?');
    this.#insert = db.prepare('INSERT INTO value VALUES (?, ?, ?, ?) ON CONFLICT (field, text) DO NOTHING');
    this.#next = db.prepare('SELECT next_value FROM progress');
    this.#saveNext = db.prepare('UPDATE progress SET next_value = ?');
  }

  idOf(field: number, text: string): number {
    const known = this.#knownOf(field);
    const id = known.get(text);
    if (id !== undefined) return id;
    const found = this.#find(field, text);
    if (text.length <= CACHE_TEXT_CHARS) {
      if (known.size >= CACHE_ENTRIES) known.clear();
      known.set(text, found);
    }
    return found;
  }

  /** To be called before the transaction is committed. */
  save(): void {
    if (this.#nextId !== undefined) this.#saveNext.run(this.#nextId);
  }

  forget(): void {
    this.#known.clear();
    this.#nextId = undefined;
  }

  /** What is not known here is new, mostly: try that first. */
  #find(field: number, text: string): number {
    const stored = storedText(text);
    const id = this.#nextId ?? Number(this.#next.get()?.['next_value']);
    this.#nextId = id;
    if (this.#insert.run(id, field, stored, addressOf(field, text)).changes === 0) {
      return Number(this.#select.get(field, stored)?.['id']);
    }
    this.#nextId = id + 1;
    return id;
  }

  #knownOf(field: number): Map<string, number> {
    let known = this.#known.get(field);
    if (known === undefined) {
      known = new Map();
      this.#known.set(field, known);
    }
    return known;
  }
}

function addressOf(field: number, text: string): string | null {
  const hex = field === FIELD_CODE.sourceIPAddress ? parseIp(text) : undefined;
  return hex === undefined ? null : addressKey(hex);
}

/** IPv4 and IPv6 must not share beginnings. */
export function addressKey(hex: string, length = hex.length): string {
  return (length === 8 ? '4' : '6') + hex;
}
