import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { CairnError } from '#domain/errors';
import type { Journal, Place } from '#journal/types';
import { countEvents } from '#projections/history/counts';
import { Generations } from '#projections/history/generations';
import type {
  Freshness,
  HistoryCount,
  HistoryCounts,
  HistoryIndex,
  HistoryPage,
  HistoryRefusals,
  HistorySearch,
} from '#projections/history/history-index';
import { IndexReader } from '#projections/history/reader';
import { searchPage } from '#projections/history/search';
import {
  HISTORY_VERSION,
  INDEX_FILE,
  isCorruption,
  openReader,
  SUSPECT_FILE,
  versionOf,
} from '#projections/history/tables';

/** A generation that is open for reading, and how many questions are using it. */
interface Session {
  readonly generation: number;
  readonly reader: IndexReader;
  users: number;
}

export interface SqliteHistoryOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Values of one filter that are looked up as terms; more are checked row by row. Default 2,000. */
  readonly termBudget?: number;
}

/** How often a reader without questions looks whether it holds files that were replaced. */
const RELEASE_MS = 2_000;
/** Counts that run at the same time; others wait. */
const MAX_COUNTS = 2;
const MAX_WAITING = 100;

/** Event history in SQLite: the reading side, for any number of processes. */
export class SqliteHistoryIndex implements HistoryIndex {
  readonly #generations: Generations;
  readonly #journal: Pick<Journal, 'read'>;
  readonly #options: SqliteHistoryOptions;
  readonly #timer: NodeJS.Timeout;
  #session: Session | undefined;
  #counting = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(folder: string, journal: Pick<Journal, 'read'>, options: SqliteHistoryOptions = {}) {
    this.#generations = new Generations(folder);
    this.#journal = journal;
    this.#options = options;
    // Erased text and disk space must not stay behind an open file.
    this.#timer = setInterval(() => this.#release(), RELEASE_MS).unref();
  }

  async search(search: HistorySearch): Promise<HistoryPage> {
    return this.#using(({ reader }) => searchPage(reader, search));
  }

  async counts(count: HistoryCount): Promise<HistoryCounts> {
    await this.#turnToCount();
    try {
      return await this.#using(({ generation }) => this.#snapshot(generation, count));
    } finally {
      this.#counting -= 1;
      this.#waiting.shift()?.();
    }
  }

  async freshness(): Promise<Freshness> {
    const cursor = await this.#using(({ reader }) => cursorOf(reader));
    const { events, behind } = await this.#journal.read(cursor, 1);
    const [next] = events;
    if (next === undefined) return { eventsBehind: behind, secondsBehind: 0 };
    const age = ((this.#options.now ?? Date.now)() - next.receivedAt) / 1000;
    return { eventsBehind: behind + 1, secondsBehind: Math.max(0, age) };
  }

  /** SQLite takes every event. */
  async refusals(): Promise<HistoryRefusals> {
    return { missing: 0, abridged: 0 };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const session = this.#session;
    this.#session = undefined;
    if (session?.users === 0) session.reader.db.close();
  }

  async #snapshot(generation: number, count: HistoryCount): Promise<HistoryCounts> {
    const db = openReader(this.#file(generation));
    try {
      db.exec('BEGIN');
      return await countEvents(this.#reader(db), count);
    } finally {
      db.close();
    }
  }

  async #turnToCount(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) {
      throw new CairnError('TOO_MANY_REQUESTS', 'Too many counts are running.', { retryAfter: 5 });
    }
    this.#counting += 1;
    if (this.#counting > MAX_COUNTS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async #using<T>(ask: (session: Session) => T | Promise<T>): Promise<T> {
    const session = this.#currentSession();
    session.users += 1;
    try {
      return await ask(session);
    } catch (error) {
      throw isCorruption(error) ? this.#reportDamage(session.generation, error) : error;
    } finally {
      session.users -= 1;
      if (session !== this.#session && session.users === 0) session.reader.db.close();
    }
  }

  #currentSession(): Session {
    const generation = this.#generations.current();
    if (generation === undefined) throw unavailable();
    if (this.#session?.generation === generation) return this.#session;
    const reader = this.#open(generation);
    // Between the look and the opening it may have been replaced and removed.
    if (reader === undefined) return this.#currentSession();
    this.#leave();
    this.#session = { generation, reader, users: 0 };
    return this.#session;
  }

  /** Undefined when the generation is no longer the current one. */
  #open(generation: number): IndexReader | undefined {
    try {
      const db = openReader(this.#file(generation));
      if (versionOf(db) === HISTORY_VERSION) return this.#reader(db);
      db.close();
    } catch (error) {
      if (!isCorruption(error)) throw error;
      if (this.#generations.current() !== generation) return undefined;
      throw this.#reportDamage(generation, error);
    }
    throw unavailable();
  }

  #reader(db: DatabaseSync): IndexReader {
    return new IndexReader(db, this.#options.termBudget);
  }

  #release(): void {
    if (this.#session !== undefined && this.#generations.current() !== this.#session.generation)
      this.#leave();
  }

  #leave(): void {
    const session = this.#session;
    this.#session = undefined;
    if (session?.users === 0) session.reader.db.close();
  }

  /** The worker looks for the mark before every write, and builds the index again. */
  #reportDamage(generation: number, cause: unknown): CairnError {
    const mark = join(this.#generations.path(generation), SUSPECT_FILE);
    try {
      writeFileSync(mark, '');
    } catch (error) {
      // The generation is gone already: it was replaced.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
    return unavailable(cause);
  }

  #file(generation: number): string {
    return join(this.#generations.path(generation), INDEX_FILE);
  }
}

function cursorOf(reader: IndexReader): Place {
  const row = reader.db.prepare('SELECT epoch, position FROM progress').get();
  return { epoch: Number(row?.['epoch']), position: Number(row?.['position']) };
}

function unavailable(cause?: unknown): CairnError {
  return new CairnError('UNAVAILABLE', 'Event history is being built; try again.', { retryAfter: 5, cause });
}
