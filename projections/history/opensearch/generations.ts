import { z } from 'zod';
import { isRefusal, OpenSearchAway, type OpenSearch } from '#projections/history/opensearch/client';
import {
  EVENT_MAPPINGS,
  EVENT_SETTINGS,
  OPENSEARCH_VERSION,
  REFUSED_INDEX,
  STATE_INDEX,
} from '#projections/history/opensearch/mapping';
import { pathParts, writeAlias, type Names } from '#projections/history/opensearch/names';
import { byAlias, StateStore, takenOver, type State } from '#projections/history/opensearch/state';

const ALIASES = z.record(z.string(), z.object({ aliases: z.record(z.string(), z.unknown()) }));
const CREATED = z.object({ shards_acknowledged: z.boolean() });

/** Part and month of the index that every generation begins with: there is always one to search. */
export const OTHER = 'other';

/**
 * The sets of indices that history has been built in. One answers, by the aliases; another may be under
 * construction beside it and takes its place in one step.
 */
export class Generations {
  readonly #openSearch: OpenSearch;
  readonly #names: Names;

  constructor(openSearch: OpenSearch, names: Names) {
    this.#openSearch = openSearch;
    this.#names = names;
  }

  /** Indices of events get their mappings and settings by the template. */
  async putTemplate(): Promise<void> {
    await this.#openSearch.request('PUT', `/_index_template/${this.#names.template}`, {
      body: {
        index_patterns: [this.#names.allEvents],
        priority: 200,
        version: OPENSEARCH_VERSION,
        template: { settings: EVENT_SETTINGS, mappings: EVENT_MAPPINGS },
      },
    });
  }

  /** The generation that answers; undefined before the first. */
  async current(): Promise<number | undefined> {
    try {
      const found = ALIASES.parse(await this.#openSearch.request('GET', `/_alias/${this.#names.state}`));
      const numbers = Object.keys(found).map((index) => this.#names.generationOf(index));
      return numbers.find((number) => number !== undefined);
    } catch (error) {
      if (isRefusal(error) && error.status === 404) return undefined;
      throw error;
    }
  }

  /** A new, empty generation, with a number by the clock: what is sent to another comes late to none of later. */
  async create(): Promise<number> {
    const used = [...(await this.#all()).keys()];
    const generation = Math.max(Date.now(), ...used.map((number) => number + 1));
    const first = this.#names.eventsOf(generation, OTHER, { term: 1, part: 0 });
    const refused = this.#names.refusedOf(generation);
    // Whoever makes this one has the number.
    await this.createIndex(this.#names.stateOf(generation), STATE_INDEX);
    await this.createIndex(refused, { ...REFUSED_INDEX, aliases: { [writeAlias(refused, 1)]: {} } });
    await this.createIndex(first, { aliases: { [writeAlias(first, 1)]: {} } });
    const state: State = {
      version: OPENSEARCH_VERSION,
      epoch: 0,
      position: 0,
      term: 1,
      nextPart: 1,
      indices: [{ name: first, month: OTHER, closed: false }],
    };
    await new StateStore(this.#openSearch, this.#names.stateOf(generation)).write(state, undefined);
    return generation;
  }

  /**
   * An index whose shards have started: until then every search of it fails. One that is there already is another
   * writer's, and left alone.
   */
  async createIndex(name: string, body: object): Promise<void> {
    try {
      const answer = await this.#openSearch.request('PUT', `/${name}`, { body, resend: false });
      if (!CREATED.parse(answer).shards_acknowledged) throw new OpenSearchAway(`${name} does not start.`);
    } catch (error) {
      throw isRefusal(error, 'resource_already_exists_exception') ? takenOver(error) : error;
    }
  }

  /** Searches see these indices, of the generation that answers, from here on. */
  async show(names: readonly string[]): Promise<void> {
    const actions = names.map((index) => ({ add: { index, alias: this.#names.events } }));
    await byAlias(() => this.#openSearch.request('POST', '/_aliases', { body: { actions } }));
  }

  /** From here on the generation answers; the others are left as they are. */
  async publish(generation: number): Promise<void> {
    const all = await this.#all();
    const ours = all.get(generation) ?? [];
    // Whoever has taken over has removed it: without it, the rest would take the aliases from theirs.
    if (!ours.includes(this.#names.stateOf(generation))) throw takenOver(undefined);
    const others = [...all].flatMap(([number, indices]) => (number === generation ? [] : indices));
    const aliases = [this.#names.events, this.#names.state, this.#names.refused];
    const removals = others.map((index) => ({ remove: { index, aliases, must_exist: false } }));
    const additions = ours.map((index) => ({ add: { index, alias: this.#aliasOf(generation, index) } }));
    await this.#openSearch.request('POST', '/_aliases', { body: { actions: [...removals, ...additions] } });
  }

  /** Removes what a crash or a switch left behind, unless `verify` finds that another writes after it was listed. */
  async removeAllBut(kept: readonly number[], verify: () => Promise<void>): Promise<void> {
    const all = await this.#all();
    await verify();
    const left = [...all].flatMap(([number, indices]) => (kept.includes(number) ? [] : indices));
    await this.removeIndices(left);
  }

  async remove(generation: number): Promise<void> {
    await this.removeIndices((await this.#all()).get(generation) ?? []);
  }

  async removeIndices(names: readonly string[]): Promise<void> {
    for (const part of pathParts(names)) {
      await this.#openSearch.request('DELETE', `/${part}`, { query: { ignore_unavailable: true } });
    }
  }

  /** The generation's indices, each with its aliases. */
  async aliasesOf(generation: number): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = Object.entries(await this.#aliases())
      .filter(([index]) => this.#names.generationOf(index) === generation)
      .map(([index, { aliases }]): [string, string[]] => [index, Object.keys(aliases)]);
    return new Map(found);
  }

  #aliasOf(generation: number, index: string): string {
    if (index === this.#names.stateOf(generation)) return this.#names.state;
    return index === this.#names.refusedOf(generation) ? this.#names.refused : this.#names.events;
  }

  /** Every index of ours, by generation. */
  async #all(): Promise<Map<number, string[]>> {
    const all = new Map<number, string[]>();
    for (const index of Object.keys(await this.#aliases())) {
      const generation = this.#names.generationOf(index);
      if (generation === undefined) continue;
      all.set(generation, [...(all.get(generation) ?? []), index]);
    }
    return all;
  }

  async #aliases(): Promise<z.infer<typeof ALIASES>> {
    return ALIASES.parse(await this.#openSearch.request('GET', `/${this.#names.all}/_alias`));
  }
}
