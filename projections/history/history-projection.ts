import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CairnError } from '#domain/errors';
import type { ErasureScope, JournalSlice, Place } from '#journal/types';
import { compactInto } from '#projections/history/compact';
import { Generations } from '#projections/history/generations';
import { HistoryWriter } from '#projections/history/history-writer';
import { KEEP_ALL, type HistoryPolicy } from '#projections/history/retention';
import {
  createIndex,
  HISTORY_VERSION,
  INDEX_FILE,
  isCorruption,
  openReader,
  SUSPECT_FILE,
  versionOf,
} from '#projections/history/tables';
import type { Projection, Successor } from '#projections/projection';

/** A generation that is open for writing. */
interface Build {
  readonly generation: number;
  readonly writer: HistoryWriter;
}

/** Event history in SQLite: the writing side. One process at a time has it (workers/lease). */
export class HistoryProjection implements Projection {
  readonly name = 'history';
  readonly version = HISTORY_VERSION;
  readonly #generations: Generations;
  readonly #policy: HistoryPolicy;
  #current: Build | undefined;
  #next: Build | undefined;

  constructor(folder: string, policy: HistoryPolicy = KEEP_ALL) {
    this.#generations = new Generations(folder);
    this.#policy = policy;
  }

  /** A rebuild that a crash ended is forgotten; an erasure is finished. */
  async init(): Promise<void> {
    const generation = this.#generations.current();
    if (generation === undefined || !this.#isSound(generation)) return this.reset();
    await this.#generations.removeAllBut([generation]);
    this.#current = this.#open(generation);
    await this.#guard(async (build) => {
      if (build.writer.mustCompact('ERASED')) await this.#compactCurrent(build);
    });
  }

  async cursor(): Promise<Place> {
    return this.#guard(({ writer }) => writer.cursor());
  }

  async write(slice: JournalSlice): Promise<void> {
    await this.#guard(({ writer }) => writer.write(slice));
  }

  async erase(scope: ErasureScope): Promise<void> {
    await this.#guard(async (build) => {
      await build.writer.erase(scope);
      if (build.writer.mustCompact('TRIMMED')) await this.#compactCurrent(build);
    });
  }

  /** Drops what is older than its days. The room is used again; the file does not shrink. */
  async tidy(): Promise<void> {
    await this.#guard(({ writer }) => writer.trim());
  }

  async reset(): Promise<void> {
    this.#current?.writer.close();
    this.#current = undefined;
    await this.#replaceCurrent(await this.#create());
  }

  async startRebuild(): Promise<Successor> {
    if (this.#next !== undefined) throw new CairnError('ALREADY_EXISTS', 'History is being rebuilt already.');
    this.#next = await this.#create();
    return {
      cursor: async () => this.#successor().writer.cursor(),
      write: async (slice) => this.#successor().writer.write(slice),
      erase: (scope) => this.#eraseSuccessor(scope),
      publish: () => this.#publishSuccessor(),
      abandon: () => this.#abandonSuccessor(),
    };
  }

  async close(): Promise<void> {
    await this.#abandonSuccessor();
    this.#current?.writer.close();
    this.#current = undefined;
  }

  #isSound(generation: number): boolean {
    if (this.#isSuspect(generation)) return false;
    try {
      const db = openReader(this.#file(generation));
      try {
        return versionOf(db) === HISTORY_VERSION && db.prepare('SELECT * FROM progress').get() !== undefined;
      } finally {
        db.close();
      }
    } catch (error) {
      if (isCorruption(error)) return false;
      throw error;
    }
  }

  /** A reader of another process has met damage that no write may ever meet. */
  #isSuspect(generation: number): boolean {
    return existsSync(join(this.#generations.path(generation), SUSPECT_FILE));
  }

  async #guard<T>(work: (build: Build) => T | Promise<T>): Promise<T> {
    const build = this.#current;
    if (build === undefined) throw new CairnError('UNAVAILABLE', 'History is not open.');
    if (this.#isSuspect(build.generation)) throw damaged();
    try {
      return await work(build);
    } catch (error) {
      throw isCorruption(error) ? damaged(error) : error;
    }
  }

  async #compactCurrent(build: Build): Promise<void> {
    await this.#replaceCurrent(await this.#compacted(build));
  }

  /** A copy without what was deleted. The given generation is closed, its files are still there. */
  async #compacted({ generation, writer }: Build): Promise<Build> {
    await writer.dropOrphans();
    const copy = await this.#generations.create();
    await compactInto(this.#file(generation), this.#file(copy));
    const build = this.#open(copy);
    build.writer.markClean();
    writer.close();
    return build;
  }

  async #create(): Promise<Build> {
    const generation = await this.#generations.create();
    createIndex(this.#file(generation));
    return this.#open(generation);
  }

  #open(generation: number): Build {
    return { generation, writer: new HistoryWriter(this.#file(generation), this.#policy) };
  }

  #file(generation: number): string {
    return join(this.#generations.path(generation), INDEX_FILE);
  }

  /** Readers go over with their next search. */
  async #replaceCurrent(build: Build): Promise<void> {
    this.#current = build;
    await this.#generations.publish(build.generation);
    const kept = this.#next === undefined ? [] : [this.#next.generation];
    await this.#generations.removeAllBut([build.generation, ...kept]);
  }

  #successor(): Build {
    if (this.#next === undefined) throw new CairnError('NOT_FOUND', 'The rebuild has ended.');
    return this.#next;
  }

  async #eraseSuccessor(scope: ErasureScope): Promise<void> {
    const { generation, writer } = this.#successor();
    await writer.erase(scope);
    if (!writer.mustCompact('TRIMMED')) return;
    this.#next = await this.#compacted({ generation, writer });
    await this.#generations.remove(generation);
  }

  async #publishSuccessor(): Promise<void> {
    const build = this.#successor();
    this.#current?.writer.close();
    this.#next = undefined;
    await this.#replaceCurrent(build);
  }

  async #abandonSuccessor(): Promise<void> {
    const build = this.#next;
    if (build === undefined) return;
    this.#next = undefined;
    build.writer.close();
    await this.#generations.remove(build.generation);
  }
}

function damaged(cause?: unknown): CairnError {
  return new CairnError('CORRUPT', 'The files of event history are damaged; they must be built again.', {
    cause,
  });
}
