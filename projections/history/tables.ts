import { DatabaseSync } from 'node:sqlite';
import type { FilterField } from '#domain/filter/filter';

/** Raised by every change of the tables, the terms, or what of a record is indexed. */
export const HISTORY_VERSION = 1;

export const INDEX_FILE = 'index.db';
/** Left beside the index by a reader that has met damage. */
export const SUSPECT_FILE = 'suspect';

/** Fields of which an event has at most one value, by their column. */
export const COLUMN_OF = {
  eventName: 'event_name',
  eventSource: 'event_source',
  readOnly: 'read_only',
  username: 'username',
  principalArn: 'principal_arn',
  accessKeyId: 'access_key_id',
  account: 'account',
  region: 'region',
  sourceIPAddress: 'source_ip',
  userAgent: 'user_agent',
  errorCode: 'error_code',
  category: 'category',
} as const satisfies Partial<Record<FilterField, string>>;
export type ColumnField = keyof typeof COLUMN_OF;

export const COLUMN_FIELDS: readonly ColumnField[] = [
  'eventName',
  'eventSource',
  'readOnly',
  'username',
  'principalArn',
  'accessKeyId',
  'account',
  'region',
  'sourceIPAddress',
  'userAgent',
  'errorCode',
  'category',
];

/** What a dictionary entry is a value of; the numbers are on disk. */
export const FIELD_CODE: Readonly<Record<FilterField | 'shownAddress', number>> = {
  eventName: 1,
  eventSource: 2,
  readOnly: 3,
  username: 4,
  principalArn: 5,
  accessKeyId: 6,
  account: 7,
  region: 8,
  sourceIPAddress: 9,
  userAgent: 10,
  errorCode: 11,
  category: 12,
  resourceType: 13,
  resourceName: 14,
  resourceArn: 15,
  eventId: 16,
  /** An address as the record spells it where that is not the canonical spelling. */
  shownAddress: 17,
};

/**
 * `value` is the dictionary of all field values; ids are never given twice (readers keep them in memory), which
 * `next_value` sees to. An event's resources are entries: `type.name.arn;...` in base 36, each may be empty.
 * `addr` is the address in hexadecimal digits after its version, for networks. `orphan` lists entries that
 * may have lost their last event. `progress` is the cursor, and what deleted text
 * may still be in the file (DIRT).
 * contentless_delete needs the docsize table (17 bytes an event); nothing smaller can forget an event.
 */
const TABLES = `
CREATE TABLE progress (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL, position INTEGER NOT NULL, dirty INTEGER NOT NULL, next_value INTEGER NOT NULL
);
INSERT INTO progress VALUES (1, 0, 0, 0, 1);
CREATE TABLE value (
  id INTEGER PRIMARY KEY, field INTEGER NOT NULL, text NOT NULL, addr TEXT
);
CREATE UNIQUE INDEX value_text ON value (field, text);
CREATE INDEX value_addr ON value (addr) WHERE addr IS NOT NULL;
CREATE TABLE orphan (id INTEGER PRIMARY KEY);
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  position INTEGER NOT NULL, epoch INTEGER NOT NULL, millisecond INTEGER NOT NULL, event_id NOT NULL,
  ${COLUMN_FIELDS.map((field) => `${COLUMN_OF[field]} INTEGER`).join(', ')},
  resources TEXT, shown_address INTEGER
);
CREATE VIRTUAL TABLE term USING fts5(
  t, content = '', contentless_delete = 1, detail = none, tokenize = "ascii tokenchars '_'"
);
INSERT INTO term (term, rank) VALUES ('pgsz', 8128), ('hashsize', 33554432), ('automerge', 8);
PRAGMA user_version = ${HISTORY_VERSION};
`;

/** What was deleted since the file was last compacted. An erasure that was begun must be finished. */
export const DIRT = { TRIMMED: 1, ERASED: 2 } as const;
export type Dirt = keyof typeof DIRT;

/** Measured: 8 KB pages load a quarter faster than 4 KB ones and take no more room. */
const PAGE_BYTES = 8192;
const WRITER_CACHE_KB = 65_536;
const READER_CACHE_KB = 49_152;
const BUSY_MS = 10_000;

export function createIndex(file: string): void {
  const db = new DatabaseSync(file);
  try {
    db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL;`);
    db.exec(`BEGIN; ${TABLES} COMMIT;`);
  } finally {
    db.close();
  }
}

/**
 * A power failure may cost the last transactions, never consistency: they are read from the journal again,
 * so `synchronous = NORMAL` is enough.
 */
export function openWriter(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: BUSY_MS, enableForeignKeyConstraints: false });
  db.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${WRITER_CACHE_KB};
     PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864;`,
  );
  return db;
}

export function openReader(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
  db.exec(`PRAGMA cache_size = -${READER_CACHE_KB}; PRAGMA query_only = ON;`);
  return db;
}

export function versionOf(db: DatabaseSync): number | undefined {
  const version = db.prepare('PRAGMA user_version').get()?.['user_version'];
  return typeof version === 'number' ? version : undefined;
}

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
const SQLITE_CANTOPEN = 14;

/** The file is damaged or gone; nothing but building it again helps. */
export function isCorruption(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false;
  // Extended codes (SQLITE_CORRUPT_VTAB ...) keep the primary one in the low byte.
  const code = Number(error.errcode) & 0xff;
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB || code === SQLITE_CANTOPEN;
}
