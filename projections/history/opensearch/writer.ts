import { z } from 'zod';
import { CairnError } from '#domain/errors';
import { isBefore } from '#journal/place';
import type { ErasureScope, JournalEvent, JournalSlice, Place } from '#journal/types';
import {
  sendBulk,
  type BulkOptions,
  type RefusedDocument,
  type Sending,
} from '#projections/history/opensearch/bulk';
import type { OpenSearch } from '#projections/history/opensearch/client';
import { deleteEvents, expunge } from '#projections/history/opensearch/delete-events';
import { documentOf, type Document } from '#projections/history/opensearch/documents';
import { storable } from '#projections/history/opensearch/exact-text';
import type { Generations } from '#projections/history/opensearch/generations';
import { monthName, MonthIndices, type MonthLimits } from '#projections/history/opensearch/month-indices';
import { writeAlias, type Names } from '#projections/history/opensearch/names';
import type { Query } from '#projections/history/opensearch/query';
import { StateStore, takenOver, type Revision, type State } from '#projections/history/opensearch/state';
import { trimIndex } from '#projections/history/opensearch/trim';
import { cutOff, type HistoryPolicy } from '#projections/history/retention';

export interface WriterParts {
  readonly openSearch: OpenSearch;
  readonly names: Names;
  readonly generations: Generations;
  readonly policy: HistoryPolicy;
  readonly bulk?: BulkOptions;
  readonly months?: Partial<MonthLimits>;
}

/** More refusals mean that the fault is not the documents'; the projection stops. */
const MAX_REFUSED = 100_000;

/**
 * The writing side of one generation. Its methods must not overlap: workers/project.ts sees to it. The order of
 * a write is documents, refresh, cursor: a crash in between leaves documents beyond the cursor, which the next
 * writer removes before it writes the same positions again, under the same ids.
 */
export class GenerationWriter {
  readonly generation: number;
  readonly #parts: WriterParts;
  readonly #states: StateStore;
  readonly #months: MonthIndices;
  readonly #refusedIndex: string;
  /** Writes under this term only: who takes over raises it. */
  #term = 1;
  /** Documents may lie beyond the cursor. */
  #unclean = false;

  constructor(parts: WriterParts, generation: number) {
    this.generation = generation;
    this.#parts = parts;
    this.#states = new StateStore(parts.openSearch, parts.names.stateOf(generation));
    this.#months = new MonthIndices(parts, generation);
    this.#refusedIndex = parts.names.refusedOf(generation);
  }

  /** Takes the generation from whoever wrote to it before: from now on, that one's documents are refused. */
  async takeOver(): Promise<void> {
    const { state: before, at } = await this.#states.read();
    // First of all: under the new term, nobody else changes the state that the rest goes by.
    const { state } = await this.#states.write({ ...before, term: before.term + 1 }, at);
    this.#term = state.term;
    this.#unclean = true;
    await this.#months.takeOver(state);
  }

  /** TakenOver when another writes to the generation. */
  async verify(): Promise<void> {
    await this.#own();
  }

  async cursor(): Promise<Place> {
    const { epoch, position } = (await this.#own()).state;
    return { epoch, position };
  }

  /** Events before the cursor were written before and are passed over. */
  async write(slice: JournalSlice, isPublished: boolean): Promise<void> {
    let revision = await this.#clean(await this.#own());
    const { state } = revision;
    const documents = this.#documents(slice.events, state);
    revision = await this.#months.provide(revision, this.#states, {
      times: documents.map(({ event }) => event.eventTime),
      isPublished,
    });
    const indexOf = this.#months.router(revision.state);
    const sendings = documents.map((document): Sending => {
      const index = indexOf(monthName(document.event.eventTime));
      return { document, alias: writeAlias(index, this.#term) };
    });
    this.#unclean = sendings.length > 0;
    const refused = await sendBulk(this.#parts.openSearch, sendings, this.#parts.bulk);
    await this.#keepRefused(refused);
    if (!isBefore(slice.next, state)) {
      const { epoch, position } = slice.next;
      await this.#states.write({ ...revision.state, epoch, position }, revision.at);
    }
    this.#unclean = false;
    this.#months.count(sendings.length);
  }

  /** Gone from searches first, then from the disk. */
  async erase({ account, before }: ErasureScope): Promise<void> {
    const { state } = await this.#own();
    const filter: Query[] = [{ term: { account: storable(account) } }];
    if (before !== undefined) filter.push({ range: { eventTime: { lt: before } } });
    await deleteEvents(this.#parts.openSearch, this.#aliases(state), { bool: { filter } });
    // All of them: what retention has deleted before may still be on the disk.
    await expunge(this.#parts.openSearch, [...state.indices.map(({ name }) => name), this.#refusedIndex]);
  }

  /** Deletes what the policy no longer keeps: whole indices where possible. */
  async trim(): Promise<void> {
    const { openSearch, policy } = this.#parts;
    await this.#months.removeUnnamed(() => this.#own());
    const { state } = await this.#own();
    const refusals = writeAlias(this.#refusedIndex, this.#term);
    if (await trimIndex(openSearch, refusals, policy)) {
      await deleteEvents(openSearch, [refusals], { match_all: {} });
    }
    for (const index of state.indices) {
      const isEmpty = await trimIndex(openSearch, writeAlias(index.name, this.#term), policy);
      if (!isEmpty) continue;
      await this.#months.drop(await this.#own(), this.#states, index);
    }
  }

  async #own(): Promise<Revision> {
    const revision = await this.#states.read();
    if (revision.state.term !== this.#term) throw takenOver(undefined);
    return revision;
  }

  /** Of the indices of events, and of that of the refusals. */
  #aliases({ indices }: Pick<State, 'indices'>): readonly string[] {
    const names = [...indices.map(({ name }) => name), this.#refusedIndex];
    return names.map((name) => writeAlias(name, this.#term));
  }

  /** Nothing lies beyond the cursor, so that events may go to other indices than a writer before us sent them to. */
  async #clean(revision: Revision): Promise<Revision> {
    const { state } = revision;
    if (this.#unclean) {
      const beyond = { range: { position: { gte: state.position } } };
      await deleteEvents(this.#parts.openSearch, this.#aliases(state), beyond);
      this.#unclean = false;
    }
    return this.#months.closeFull(revision, this.#states);
  }

  /** All of the slice before the first is sent: an event that cannot be read must not leave half a slice behind. */
  #documents(events: readonly JournalEvent[], cursor: Place): readonly Document[] {
    const { policy } = this.#parts;
    const documents: Document[] = [];
    for (const event of events) {
      if (isBefore(event.place, cursor)) continue;
      const limit = cutOff(policy, event.account);
      if (limit !== undefined && event.eventTime < limit) continue;
      const document = documentOf(event, policy.categories);
      if (document !== undefined) documents.push(document);
    }
    return documents;
  }

  async #keepRefused(refused: readonly RefusedDocument[]): Promise<void> {
    if (refused.length === 0) return;
    const lines = refused.map(({ document: { id, event }, reason, found }) => {
      const { place, account, eventTime } = event;
      const source = { ...place, account: storable(account), eventTime, reason, found };
      return `${JSON.stringify({ index: { _id: id } })}\n${JSON.stringify(source)}\n`;
    });
    const alias = writeAlias(this.#refusedIndex, this.#term);
    const answer = await this.#parts.openSearch.request('POST', `/${alias}/_bulk`, {
      lines: lines.join(''),
      query: { refresh: true, require_alias: true },
    });
    const { errors, items } = KEPT.parse(answer);
    if (items.some(({ index: { status } }) => status === 404)) throw takenOver(undefined);
    if (errors) throw new CairnError('UNAVAILABLE', 'Refused documents could not be kept.');
    const counted = COUNT.parse(await this.#parts.openSearch.request('GET', `/${this.#refusedIndex}/_count`));
    if (counted.count <= MAX_REFUSED) return;
    throw new CairnError('UNAVAILABLE', `OpenSearch has refused more than ${MAX_REFUSED} documents.`);
  }
}

const KEPT = z.object({
  errors: z.boolean(),
  items: z.array(z.object({ index: z.object({ status: z.number() }) })),
});
const COUNT = z.object({ count: z.number() });
