import { CairnError } from '#domain/errors';
import type { ErasureScope, JournalSlice, Place } from '#journal/types';
import type { BulkOptions } from '#projections/history/opensearch/bulk';
import { OpenSearch, type OpenSearchOptions } from '#projections/history/opensearch/client';
import { Generations } from '#projections/history/opensearch/generations';
import { OPENSEARCH_VERSION } from '#projections/history/opensearch/mapping';
import type { MonthLimits } from '#projections/history/opensearch/month-indices';
import { Names } from '#projections/history/opensearch/names';
import { takenOver } from '#projections/history/opensearch/state';
import { GenerationWriter, type WriterParts } from '#projections/history/opensearch/writer';
import { KEEP_ALL, type HistoryPolicy } from '#projections/history/retention';
import type { Projection, Successor } from '#projections/projection';

export interface OpenSearchProjectionOptions extends OpenSearchOptions {
  /** What the names of all indices begin with: two installations on one OpenSearch have two. */
  readonly prefix: string;
  readonly policy?: HistoryPolicy;
  readonly bulk?: BulkOptions;
  readonly months?: Partial<MonthLimits>;
}

/** Event history in OpenSearch: the writing side. One process at a time has it (workers/lease). */
export class OpenSearchProjection implements Projection {
  readonly name = 'history';
  readonly version = OPENSEARCH_VERSION;
  readonly #parts: WriterParts;
  #current: GenerationWriter | undefined;
  #next: GenerationWriter | undefined;

  constructor({ prefix, policy = KEEP_ALL, bulk, months, ...options }: OpenSearchProjectionOptions) {
    const openSearch = new OpenSearch(options);
    const names = new Names(prefix);
    this.#parts = {
      openSearch,
      names,
      generations: new Generations(openSearch, names),
      policy,
      ...(bulk === undefined ? {} : { bulk }),
      ...(months === undefined ? {} : { months }),
    };
  }

  /** A rebuild that a crash ended is forgotten. */
  async init(): Promise<void> {
    const { generations } = this.#parts;
    await generations.putTemplate();
    const generation = await generations.current();
    if (generation === undefined) return this.reset();
    const writer = new GenerationWriter(this.#parts, generation);
    this.#current = writer;
    try {
      await writer.takeOver();
    } catch (error) {
      if (isDamage(error)) return this.reset();
      throw error;
    }
    await generations.removeAllBut([generation], () => writer.verify());
  }

  async cursor(): Promise<Place> {
    return this.#open().cursor();
  }

  async write(slice: JournalSlice): Promise<void> {
    await this.#open().write(slice, true);
  }

  /**
   * Nothing of the scope is found when it returns, and no file of the index holds it. OpenSearch's snapshots are
   * not ours to change: whoever takes some must erase there too.
   */
  async erase(scope: ErasureScope): Promise<void> {
    await this.#open().erase(scope);
  }

  async tidy(): Promise<void> {
    await this.#open().trim();
  }

  /** When it fails, the old one stays, and goes on to say that it is damaged. */
  async reset(): Promise<void> {
    await this.#publish(await this.#create());
  }

  async startRebuild(): Promise<Successor> {
    if (this.#next !== undefined) throw new CairnError('ALREADY_EXISTS', 'History is being rebuilt already.');
    const next = await this.#create();
    this.#next = next;
    return {
      cursor: async () => this.#successor().cursor(),
      write: async (slice) => this.#successor().write(slice, false),
      erase: async (scope) => this.#successor().erase(scope),
      publish: async () => {
        await this.#publish(this.#successor());
      },
      abandon: async () => this.#abandonSuccessor(),
    };
  }

  async close(): Promise<void> {
    this.#current = undefined;
    await this.#abandonSuccessor();
  }

  #open(): GenerationWriter {
    if (this.#current === undefined) throw new CairnError('UNAVAILABLE', 'History is not open.');
    return this.#current;
  }

  #successor(): GenerationWriter {
    if (this.#next === undefined) throw new CairnError('NOT_FOUND', 'The rebuild has ended.');
    return this.#next;
  }

  async #create(): Promise<GenerationWriter> {
    const { generations } = this.#parts;
    await generations.putTemplate();
    return new GenerationWriter(this.#parts, await generations.create());
  }

  /** Readers go over with their next search. */
  async #publish(writer: GenerationWriter): Promise<void> {
    const { generations } = this.#parts;
    await this.#refuseStale();
    await generations.publish(writer.generation);
    this.#current = writer;
    if (this.#next?.generation === writer.generation) this.#next = undefined;
    const kept = this.#next === undefined ? [] : [this.#next.generation];
    await generations.removeAllBut([writer.generation, ...kept], () => writer.verify());
  }

  /**
   * TakenOver when another answers than the one that is ours. Whoever takes over after this has looked removes
   * what we would publish, which then fails.
   */
  async #refuseStale(): Promise<void> {
    const answering = await this.#parts.generations.current();
    if (answering === undefined) return;
    if (answering !== this.#current?.generation) throw takenOver(undefined);
    try {
      await this.#current.verify();
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
  }

  async #abandonSuccessor(): Promise<void> {
    const next = this.#next;
    if (next === undefined) return;
    this.#next = undefined;
    await this.#parts.generations.remove(next.generation);
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof CairnError && error.code === 'CORRUPT';
}
