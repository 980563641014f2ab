import { z } from 'zod';
import { CairnError } from '#domain/errors';
import { isRefusal, type OpenSearch } from '#projections/history/opensearch/client';
import { OPENSEARCH_VERSION } from '#projections/history/opensearch/mapping';
import { TakenOver } from '#projections/projection';

const INDEX = z.object({
  name: z.string(),
  /** `2026.01`, or `other`: months that have no index of their own. */
  month: z.string(),
  /** Takes no more events: it has grown too large, and another of the month goes on. */
  closed: z.boolean(),
});
const STATE = z.object({
  version: z.literal(OPENSEARCH_VERSION),
  epoch: z.number(),
  position: z.number(),
  /** Raised by every writer that takes over; the aliases to write by, and the names of what it makes, have it. */
  term: z.number(),
  nextPart: z.number(),
  indices: z.array(INDEX),
});
const ANSWER = z.object({ _seq_no: z.number(), _primary_term: z.number(), _source: z.unknown() });

export type EventsIndex = Readonly<z.infer<typeof INDEX>>;

/** What a generation knows of itself: the cursor, who may write, and where the events of a month go. */
export type State = Readonly<z.infer<typeof STATE>>;

export interface Revision {
  readonly state: State;
  /** What a compare-and-set compares; undefined before the first. */
  readonly at: { readonly if_seq_no: number; readonly if_primary_term: number } | undefined;
}

/** The document that a generation's state is in, moved by compare-and-set. */
export class StateStore {
  readonly #openSearch: OpenSearch;
  readonly #path: string;
  readonly #timeout: number | undefined;

  /** `timeout`: milliseconds that an answer may take. */
  constructor(openSearch: OpenSearch, index: string, timeout?: number) {
    this.#openSearch = openSearch;
    this.#path = `/${index}/_doc/state`;
    this.#timeout = timeout;
  }

  /** Read by its id, which sees every write at once. CORRUPT when it is gone or is not what it should be. */
  async read(): Promise<Revision> {
    try {
      const { _seq_no, _primary_term, _source } = ANSWER.parse(
        await this.#openSearch.request('GET', this.#path, timeLimit(this.#timeout)),
      );
      return {
        state: STATE.parse(_source),
        at: { if_seq_no: _seq_no, if_primary_term: _primary_term },
      };
    } catch (error) {
      if (isNone(error) || error instanceof z.ZodError) throw damaged(error);
      throw error;
    }
  }

  /** UNAVAILABLE when another writer was faster; then nothing is changed. */
  async write(state: State, at: Revision['at']): Promise<Revision> {
    // Sent once: a second try would meet what the first has done, and look like another writer.
    const query = at ?? { op_type: 'create' };
    try {
      const answer = WRITTEN.parse(
        await this.#openSearch.request('PUT', this.#path, { query, body: state, resend: false }),
      );
      return { state, at: { if_seq_no: answer._seq_no, if_primary_term: answer._primary_term } };
    } catch (error) {
      if (isRefusal(error, 'version_conflict_engine_exception')) throw takenOver(error);
      if (isNone(error)) throw damaged(error);
      throw error;
    }
  }
}

function timeLimit(timeout: number | undefined): { timeout?: number } {
  return timeout === undefined ? {} : { timeout };
}

const WRITTEN = z.object({ _seq_no: z.number(), _primary_term: z.number() });

export function takenOver(cause: unknown): TakenOver {
  return new TakenOver('Another worker has begun to move event history.', cause);
}

/** For requests by a writer's alias, which goes with the index or when another writer takes over. */
export async function byAlias<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isNone(error) ? takenOver(error) : error;
  }
}

export function damaged(cause: unknown): CairnError {
  return new CairnError('CORRUPT', 'Event history in OpenSearch is not complete; it must be built again.', {
    cause,
  });
}

function isNone(error: unknown): boolean {
  return isRefusal(error) && error.status === 404;
}
