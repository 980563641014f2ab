import { createHash, type Hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '#domain/errors';
import type { ExportLimits } from '#domain/exports';
import { checkFilter } from '#domain/filter/check';
import type { LogSigner } from '#journal/log-signer';
import type { Journal, Place } from '#journal/types';
import { compressPart } from '#projections/export/compress';
import { encoderOf } from '#projections/export/encode';
import type { ExportFiles } from '#projections/export/export-files';
import type { ExportRow } from '#projections/export/export-row';
import { Gatherer } from '#projections/export/gather';
import { statementText } from '#projections/export/statement';
import type { ExportStore } from '#projections/export/store';
import type { HistoryIndex } from '#projections/history/history-index';

export interface WriterParts {
  readonly store: ExportStore;
  readonly files: ExportFiles;
  readonly history: Pick<HistoryIndex, 'search' | 'counts' | 'freshness'>;
  readonly journal: Pick<Journal, 'get' | 'head'>;
  readonly signer: Pick<LogSigner, 'checkpointOver' | 'sign'>;
  readonly limits: ExportLimits;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Bytes of a part before it is compressed; 4 MB unless told. */
  readonly partBytes?: number;
  /** Told after each step; a test may fail there. */
  readonly step?: (name: string) => void | Promise<void>;
}

interface Following {
  readonly signal: AbortSignal;
  readonly progress: (progress: {
    readonly done: number;
    readonly total: number | undefined;
  }) => Promise<void>;
}

/** The same attempt cannot go on, another one can: history is behind, or the file was begun anew. */
export class ExportNotYet extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'ExportNotYet';
  }
}

/** No attempt can succeed. */
export class ExportFailed extends Error {
  constructor(cause: CairnError) {
    super(`${cause.code}: ${cause.message}`, { cause });
    this.name = 'ExportFailed';
  }
}

const WAIT_TRIES = 50;
const WAIT_PAUSE_MS = 100;
const FINAL_CODES: ReadonlySet<string> = new Set(['LIMIT_EXCEEDED', 'INVALID_FILTER', 'CORRUPT']);

/**
 * Writes the file of an export, part by part: each part's object first, then its row with the place to go on from,
 * in one transaction. After a crash the next attempt goes on behind the last row, so that no event is repeated
 * and none is lost; an object without a row is never read.
 */
export class ExportWriter {
  readonly #parts: WriterParts;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Undefined when there is nothing to do. @throws ExportNotYet, ExportFailed, and what may be tried again */
  async write(id: string, following: Following): Promise<ExportRow | undefined> {
    const row = await this.#parts.store.begin(id, await this.#parts.journal.head());
    if (row?.snapshot === undefined) return this.#leave(id);
    try {
      return await this.#write(row, row.snapshot, following);
    } catch (error) {
      if (!(error instanceof CairnError) || !FINAL_CODES.has(error.code)) throw error;
      await this.#parts.store.end(id, 'FAILED', `${error.code}: ${error.message}`);
      throw new ExportFailed(error);
    }
  }

  async #write(begun: ExportRow, snapshot: Place, following: Following): Promise<ExportRow> {
    const { store, files, limits, now } = this.#parts;
    const search = {
      filter: checkFilter(JSON.parse(begun.filter)),
      accounts: begun.scope,
      order: begun.order,
    };
    await this.#caughtUp(snapshot, following.signal);
    const key = begun.parts === 0 ? await files.createKey(begun) : await files.key(begun);
    const hash = key && (await this.#hashSoFar(begun, key));
    if (key === undefined || hash === undefined) {
      await store.restart(begun.id, begun.generation);
      throw new ExportNotYet('A part of the file is gone; it is written anew.');
    }
    const total = begun.total ?? (await this.#count(begun.id, search));
    let row: ExportRow = { ...begun, total };
    const of = { encoder: encoderOf(row), end: snapshot.position };
    const gatherer = new Gatherer(this.#parts, search, of);
    while (!row.complete) {
      if (now() > (row.startedAt ?? row.createdAt).getTime() + limits.hours * 3_600_000) {
        throw new CairnError('LIMIT_EXCEEDED', `An export may take ${limits.hours} hours.`);
      }
      row = await this.#addPart(row, { gatherer, key, hash, signal: following.signal });
      await following.progress({ done: row.rows, total: row.total });
    }
    return this.#finish(row, hash, await this.#checkpoint(snapshot, following.signal));
  }

  /** What an attempt that died may have left of an export that somebody has deleted meanwhile. */
  async #leave(id: string): Promise<undefined> {
    if ((await this.#parts.store.find(id)) === undefined)
      await this.#parts.files.destroy({ id, generation: Infinity });
  }

  async #addPart(
    row: ExportRow,
    by: {
      readonly gatherer: Gatherer;
      readonly key: Buffer;
      readonly hash: Hash;
      readonly signal: AbortSignal;
    },
  ): Promise<ExportRow> {
    const { store, files, limits } = this.#parts;
    const { chunks, ...gathered } = await by.gatherer.gather(row, by.signal);
    if (row.rows + gathered.rows > limits.rows) {
      throw new CairnError('LIMIT_EXCEEDED', `An export may hold ${limits.rows} events: narrow the filter.`);
    }
    const bytes = await compressPart(chunks, row.compression);
    await this.#step('gathered');
    const object = await files.put(row, by.key, bytes);
    await this.#step('stored');
    const part = { ...gathered, object, bytes: bytes.length };
    if (!(await store.addPart(row, part))) {
      await files.drop(object);
      throw new ExportNotYet('Somebody ended it or began it anew.');
    }
    by.hash.update(bytes);
    await this.#step('recorded');
    return {
      ...row,
      rows: row.rows + part.rows,
      bytes: row.bytes + part.bytes,
      parts: row.parts + 1,
      cursor: part.cursor ?? row.cursor,
      complete: part.isLast,
      firstTime: least(row.firstTime, part.firstTime),
      lastTime: greatest(row.lastTime, part.lastTime),
    };
  }

  async #finish(row: ExportRow, hash: Hash, checkpoint: string): Promise<ExportRow> {
    const { store, signer, limits } = this.#parts;
    const sha256 = hash.digest('hex');
    const finishedAt = new Date(this.#parts.now());
    const expiresAt = new Date(finishedAt.getTime() + limits.days * 86_400_000);
    const statement = await signer.sign((log) => statementText(row, { log, sha256, finishedAt, checkpoint }));
    await this.#step('signed');
    if (!(await store.succeed(row, { sha256, statement, finishedAt, expiresAt }))) {
      throw new ExportNotYet('Somebody ended it or began it anew.');
    }
    await this.#step('succeeded');
    return { ...row, state: 'SUCCEEDED', sha256, statement, finishedAt, expiresAt };
  }

  /** History must have seen all events before the snapshot. */
  async #caughtUp(snapshot: Place, signal: AbortSignal): Promise<void> {
    const { history, journal } = this.#parts;
    const look = async (): Promise<true | undefined> => {
      // The head first: what is behind is counted from a later one, so that the cursor is never overstated.
      const head = await journal.head();
      const { eventsBehind } = await history.freshness();
      return head.position - eventsBehind >= snapshot.position || undefined;
    };
    await patiently(look, 'Event history is behind.', signal);
  }

  /** The sealer may be at work on it. */
  async #checkpoint({ position }: Place, signal: AbortSignal): Promise<string> {
    const look = async (): Promise<string | undefined> => {
      try {
        return await this.#parts.signer.checkpointOver(position);
      } catch (error) {
        if (error instanceof CairnError && error.code === 'UNAVAILABLE') return undefined;
        throw error;
      }
    };
    return patiently(look, 'The checkpoint over its events is not published yet.', signal);
  }

  /** The hash of the parts that are there; undefined when one is gone. */
  async #hashSoFar(row: ExportRow, key: Buffer): Promise<Hash | undefined> {
    const { store, files } = this.#parts;
    const hash = createHash('sha256');
    for (const part of row.parts === 0 ? [] : await store.parts(row.id)) {
      const bytes = await files.get(part, key);
      if (bytes === undefined) return undefined;
      hash.update(bytes);
    }
    return hash;
  }

  /** For the share that is done: an export without it is as good. */
  async #count(
    id: string,
    search: Pick<Parameters<HistoryIndex['counts']>[0], 'filter' | 'accounts'>,
  ): Promise<number | undefined> {
    try {
      const { total } = await this.#parts.history.counts({
        filter: search.filter,
        accounts: search.accounts,
      });
      await this.#parts.store.setTotal(id, total);
      return total;
    } catch (error) {
      if (error instanceof CairnError && ['TIMEOUT', 'LIMIT_EXCEEDED'].includes(error.code)) return undefined;
      throw error;
    }
  }

  async #step(name: string): Promise<void> {
    await this.#parts.step?.(name);
  }
}

/** A short wait is done here, a longer one by the queue. */
async function patiently<T>(
  look: () => Promise<T | undefined>,
  otherwise: string,
  signal: AbortSignal,
): Promise<T> {
  for (let tries = 0; tries < WAIT_TRIES; tries += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await delay(WAIT_PAUSE_MS, undefined, { signal });
  }
  throw new ExportNotYet(otherwise);
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}

function greatest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}
