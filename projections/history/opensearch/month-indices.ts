import { z } from 'zod';
import type { OpenSearch } from '#projections/history/opensearch/client';
import { OTHER, type Generations } from '#projections/history/opensearch/generations';
import { writeAlias, type Names } from '#projections/history/opensearch/names';
import {
  damaged,
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
      added.push(await this.#create(served, { state, part: state.nextPart + added.length, isPublished }));
    }
    if (added.length === 0) return revision;
    const nextPart = state.nextPart + added.length;
    return states.write({ ...state, nextPart, indices: [...state.indices, ...added] }, revision.at);
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
    const kept = left
      ? [...indices]
      : [...indices, await this.#create(OTHER, { state, part: state.nextPart, isPublished: true })];
    await states.write({ ...state, nextPart: state.nextPart + 1, indices: kept }, revision.at);
    await this.#openSearch.request('POST', '/_aliases', {
      body: { actions: [{ remove_index: { index: index.name } }] },
    });
  }

  /** The writers before us get no document in any more. */
  async moveAliases({ indices }: State, term: number): Promise<void> {
    const there = await this.#generations.aliasesOf(this.#generation);
    const actions = indices.flatMap(({ name }) => {
      const old = (there.get(name) ?? []).filter((alias) => alias.startsWith(`${name}.`));
      const removals = old.map((alias) => ({ remove: { index: name, alias } }));
      return [...removals, { add: { index: name, alias: writeAlias(name, term) } }];
    });
    await this.#openSearch.request('POST', '/_aliases', { body: { actions } });
  }

  /** CORRUPT when an index that the state names is gone; what no state names is removed. */
  async refuseIncomplete({ indices }: State): Promise<void> {
    const there = [...(await this.#generations.aliasesOf(this.#generation)).keys()];
    const known = new Set([
      ...indices.map(({ name }) => name),
      this.#names.stateOf(this.#generation),
      this.#names.refusedOf(this.#generation),
    ]);
    const missing = [...known].find((name) => !there.includes(name));
    if (missing !== undefined) throw damaged(new Error(`The index ${missing} is gone.`));
    await this.#generations.removeIndices(there.filter((name) => !known.has(name)));
  }

  async #create(
    month: string,
    { state, part, isPublished }: { state: State; part: number; isPublished: boolean },
  ): Promise<EventsIndex> {
    const name = this.#names.eventsOf(this.#generation, month, part);
    const shown = isPublished ? { [this.#names.events]: {} } : {};
    await this.#generations.createIndex(name, {
      aliases: { [writeAlias(name, state.term)]: {}, ...shown },
    });
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
