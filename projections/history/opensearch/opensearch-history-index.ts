import { z } from 'zod';
import { CairnError } from '#domain/errors';
import type { Journal } from '#journal/types';
import type {
  Freshness,
  HistoryCount,
  HistoryCounts,
  HistoryIndex,
  HistoryPage,
  HistoryRefusals,
  HistorySearch,
} from '#projections/history/history-index';
import {
  isRefusal,
  OpenSearch,
  OpenSearchAway,
  type OpenSearchOptions,
} from '#projections/history/opensearch/client';
import {
  countAtOnce,
  countRequest,
  countWhole,
  tooManyBuckets,
} from '#projections/history/opensearch/counts';
import { Names } from '#projections/history/opensearch/names';
import { countRefusals } from '#projections/history/opensearch/refusals';
import { pageRequest } from '#projections/history/opensearch/search';
import { StateStore } from '#projections/history/opensearch/state';

export interface OpenSearchHistoryOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A little more than OpenSearch itself takes before it gives up, and less than a caller waits. */
const SEARCH_MS = 12_000;
const COUNT_MS = 25_000;
const STATE_MS = 5_000;
const COUNTED_ON = '2m';

const PIT = z.object({ pit_id: z.string() });

/** Event history in OpenSearch: the reading side, for any number of processes. Keeps nothing open there. */
export class OpenSearchHistoryIndex implements HistoryIndex {
  readonly #openSearch: OpenSearch;
  readonly #names: Names;
  readonly #states: StateStore;
  readonly #journal: Pick<Journal, 'read'>;
  readonly #now: () => number;

  constructor(
    { prefix, ...options }: OpenSearchOptions & { readonly prefix: string },
    journal: Pick<Journal, 'read'>,
    { now = Date.now }: OpenSearchHistoryOptions = {},
  ) {
    this.#openSearch = new OpenSearch(options);
    this.#names = new Names(prefix);
    this.#states = new StateStore(this.#openSearch, this.#names.state, STATE_MS);
    this.#journal = journal;
    this.#now = now;
  }

  async search(search: HistorySearch): Promise<HistoryPage> {
    const { body, read } = pageRequest(search);
    return read(await this.#ask(body, SEARCH_MS));
  }

  async counts(count: HistoryCount): Promise<HistoryCounts> {
    const request = countRequest(count);
    return (
      (await countAtOnce((body) => this.#ask(body, COUNT_MS), request)) ??
      (await this.#atOnePoint((ask) => countWhole(ask, request)))
    );
  }

  async freshness(): Promise<Freshness> {
    const { epoch, position } = (await this.#existing(() => this.#states.read())).state;
    const { events, behind } = await this.#journal.read({ epoch, position }, 1);
    const [next] = events;
    if (next === undefined) return { eventsBehind: behind, secondsBehind: 0 };
    return {
      eventsBehind: behind + 1,
      secondsBehind: Math.max(0, (this.#now() - next.receivedAt) / 1000),
    };
  }

  async refusals(): Promise<HistoryRefusals> {
    return this.#existing(() => countRefusals(this.#openSearch, this.#names));
  }

  async close(): Promise<void> {
    await this.#openSearch.close();
  }

  async #ask(body: object, timeout: number): Promise<unknown> {
    const ask = (): Promise<unknown> => this.#searched(`/${this.#names.events}/_search`, body, timeout);
    try {
      return await ask();
    } catch (error) {
      // An index went away between the choice of the indices and the search: retention, or a rebuild.
      if (!(error instanceof OpenSearchAway && error.answer === 503) && !isNone(error)) throw error;
      return this.#existing(ask);
    }
  }

  async #atOnePoint<T>(work: (ask: (body: object) => Promise<unknown>) => Promise<T>): Promise<T> {
    const opened = await this.#existing(() =>
      this.#openSearch.request('POST', `/${this.#names.events}/_search/point_in_time`, {
        query: { keep_alive: COUNTED_ON },
      }),
    );
    const { pit_id: id } = PIT.parse(opened);
    try {
      return await work((body) =>
        this.#searched('/_search', { ...body, pit: { id, keep_alive: COUNTED_ON } }, COUNT_MS),
      );
    } finally {
      await this.#openSearch.request('DELETE', '/_search/point_in_time', { body: { pit_id: [id] } });
    }
  }

  async #searched(path: string, body: object, timeout: number): Promise<unknown> {
    try {
      return await this.#openSearch.request('POST', path, {
        body,
        query: { allow_partial_search_results: false },
        timeout,
      });
    } catch (error) {
      throw explained(error);
    }
  }

  async #existing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isNone(error) || (error instanceof CairnError && error.code === 'CORRUPT'))
        throw unavailable(error);
      throw error;
    }
  }
}

function explained(error: unknown): unknown {
  if (isRefusal(error, 'too_many_buckets_exception')) return tooManyBuckets();
  if (isRefusal(error) && /too_many_.*clauses|query_shard_exception/.test(error.message)) {
    return new CairnError('LIMIT_EXCEEDED', 'OpenSearch takes no filter with so many conditions and words.', {
      path: 'filter',
      cause: error,
    });
  }
  return error;
}

function isNone(error: unknown): boolean {
  return isRefusal(error) && error.status === 404;
}

function unavailable(cause: unknown): CairnError {
  return new CairnError('UNAVAILABLE', 'Event history is being built; try again.', { retryAfter: 5, cause });
}
