import { z } from 'zod';
import type { OpenSearch } from '#projections/history/opensearch/client';
import { OTHER, type Generations } from '#projections/history/opensearch/generations';
import { termOfAlias, writeAlias, type Names } from '#projections/history/opensearch/names';
import {
  byAlias,
  damaged,
  takenOver,
  type EventsIndex,
  type Revision,
  type State,
  type StateStore,
} from '#projections/history/opensearch/state';

export interface MonthLimits {
  /**
   * Months with an index of their own; further ones share `other`. Times of events are the senders', who could
   * else make a shard for each month since 1970.
   */
  readonly months: number;
  /** Documents of an index, and its bytes, at which another begins. */
  readonly documents: number;
  readonly bytes: number;
  /** Documents written between two looks at the sizes. */
  readonly lookEvery: number;
}

const LIMITS: MonthLimits = {
  months: 120,
  documents: 50_000_000,
  bytes: 30 * 1024 ** 3,
  lookEvery: 500_000,
};

const STATS = z.object({
  indices: z.record(
    z.string(),
    z.object({
      primaries: z.object({
        docs: z.object({ count: z.number() }),
        store: z.object({ size_in_bytes: z.number() }),
      }),
    }),
  ),
});

interface Parts {
  readonly openSearch: OpenSearch;
  readonly names: Names;
  readonly generations: Generations;
  readonly months?: Partial<MonthLimits>;
}

/** `2026.01`, by eventTime in UTC. */
export function monthName(time: number): string {
  return new Date(time).toISOString().slice(0, 7).replace('-', '.');
}

/** Which index a month's events go to. Every change is in the generation's state before an event goes by it. */
export class MonthIndices {
  readonly #openSearch: OpenSearch;
  readonly #names: Names;
  readonly #generations: Generations;
  readonly #limits: MonthLimits;
  readonly #generation: number;
  #sinceLook = 0;
  /** The next number of an index: none is given twice under one term, whatever became of the first request. */
  #nextPart = 0;

  constructor({ openSearch, names, generations, months }: Parts, generation: number) {
    this.#openSearch = openSearch;
    this.#names = names;
    this.#generations = generations;
    this.#limits = { ...LIMITS, ...months };
    this.#generation = generation;
  }

  router({ indices }: State): (month: string) => string {
    const open = new Map(indices.filter(({ closed }) => !closed).map(({ month, name }) => [month, name]));
    return (month) => {
      const index = open.get(month) ?? open.get(OTHER);
      if (index === undefined) throw damaged(new Error(`There is no index for ${month}.`));
      return index;
    };
  }

  /** Makes the indices that events of these times need. */
  async provide(
    revision: Revision,
    states: StateStore,
    { times, isPublished }: { readonly times: readonly number[]; readonly isPublished: boolean },
  ): Promise<Revision> {
    const { state } = revision;
    const known = new Set(state.indices.filter(({ closed }) => !closed).map(({ month }) => month));
    const months = new Set(state.indices.map(({ month }) => month));
    months.delete(OTHER);
    const wanted = new Set(times.map(monthName));
    const added: EventsIndex[] = [];
    for (const month of [...wanted].toSorted()) {
      const isOwn = months.has(month) || months.size < this.#limits.months;
      const served = isOwn ? month : OTHER;
      if (known.has(served)) continue;
      known.add(served);
      months.add(month);
      added.push(await this.#create(served, state));
    }
    if (added.length === 0) return revision;
    if (isPublished) await this.#generations.show(added.map(({ name }) => name));
    return states.write(
      { ...state, nextPart: this.#nextPart, indices: [...state.indices, ...added] },
      revision.at,
    );
  }

  /** To be told how many documents were written, so that sizes are looked at now and then. */
  count(documents: number): void {
    this.#sinceLook += documents;
  }

  /** Closes the indices that have grown too large; the month goes on in another. */
  async closeFull(revision: Revision, states: StateStore): Promise<Revision> {
    if (this.#sinceLook < this.#limits.lookEvery) return revision;
    this.#sinceLook = 0;
    const { state } = revision;
    const names = state.indices.filter(({ closed }) => !closed).map(({ name }) => name);
    const full = new Set<string>();
    for (const name of names) if (await this.#isFull(name)) full.add(name);
    if (full.size === 0) return revision;
    const indices = state.indices.map((index) => (full.has(index.name) ? { ...index, closed: true } : index));
    return states.write({ ...state, indices }, revision.at);
  }

  /** Removes an index with all that is in it; `other` stays, so that there is always one to search. */
  async drop(revision: Revision, states: StateStore, index: EventsIndex): Promise<void> {
    const { state } = revision;
    const indices: readonly EventsIndex[] = state.indices.filter(({ name }) => name !== index.name);
    const left = indices.some(({ month }) => month === OTHER);
    const kept = left ? [...indices] : [...indices, await this.#shownOther(state)];
    await states.write({ ...state, indices: kept }, revision.at);
    await this.#openSearch.request('POST', '/_aliases', {
      body: { actions: [{ remove_index: { index: index.name } }] },
    });
  }

  /**
   * With the state of a term that was just raised: the writers before us get no document in any more, and delete
   * none. CORRUPT when an index that the state names is gone.
   */
  async takeOver(state: State): Promise<void> {
    const there = await this.#generations.aliasesOf(this.#generation);
    this.#refuseIncomplete(state, there);
    const written = [...state.indices.map(({ name }) => name), this.#names.refusedOf(this.#generation)];
    const actions = written.flatMap((index) => {
      const old = (there.get(index) ?? []).flatMap((alias) => {
        const term = termOfAlias(index, alias);
        return term === undefined ? [] : [{ alias, term }];
      });
      if (old.some(({ term }) => term > state.term)) throw takenOver(undefined);
      // All of it fails when another has removed one of them meanwhile.
      const removals = old.map(({ alias }) => ({ remove: { index, alias, must_exist: true } }));
      return [...removals, { add: { index, alias: writeAlias(index, state.term) } }];
    });
    await byAlias(() => this.#openSearch.request('POST', '/_aliases', { body: { actions } }));
    await this.#removeUnnamed(state, there);
  }

  /**
   * Removes what no state names: crashes, and requests that came late, leave it behind. `own` reads the state,
   * and refuses when it is another's. CORRUPT when an index that it names is gone.
   */
  async removeUnnamed(own: () => Promise<Revision>): Promise<void> {
    const there = await this.#generations.aliasesOf(this.#generation);
    const { state } = await own();
    this.#refuseIncomplete(state, there);
    await this.#removeUnnamed(state, there);
  }

  #refuseIncomplete(state: State, there: ReadonlyMap<string, unknown>): void {
    const missing = [...this.#named(state)].find((name) => !there.has(name));
    if (missing !== undefined) throw damaged(new Error(`The index ${missing} is gone.`));
  }

  /** Never what a later writer has made. */
  async #removeUnnamed(state: State, there: ReadonlyMap<string, unknown>): Promise<void> {
    const named = this.#named(state);
    const left = [...there.keys()].filter(
      (name) => !named.has(name) && this.#names.termOf(name) <= state.term,
    );
    await this.#generations.removeIndices(left);
  }

  #named({ indices }: State): ReadonlySet<string> {
    const generation = this.#generation;
    const names = indices.map(({ name }) => name);
    return new Set([...names, this.#names.stateOf(generation), this.#names.refusedOf(generation)]);
  }

  async #shownOther(state: State): Promise<EventsIndex> {
    const index = await this.#create(OTHER, state);
    await this.#generations.show([index.name]);
    return index;
  }

  async #create(month: string, state: State): Promise<EventsIndex> {
    const { term } = state;
    const part = Math.max(state.nextPart, this.#nextPart);
    this.#nextPart = part + 1;
    const name = this.#names.eventsOf(this.#generation, month, { term, part });
    await this.#generations.createIndex(name, { aliases: { [writeAlias(name, term)]: {} } });
    return { name, month, closed: false };
  }

  async #isFull(name: string): Promise<boolean> {
    const answer = await this.#openSearch.request('GET', `/${name}/_stats/docs,store`);
    const { primaries } = STATS.parse(answer).indices[name] ?? {};
    if (primaries === undefined) return false;
    const { docs, store } = primaries;
    return docs.count >= this.#limits.documents || store.size_in_bytes >= this.#limits.bytes;
  }
}
