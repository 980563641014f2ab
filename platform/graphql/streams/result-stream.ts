import { type ExecutionResult, GraphQLError } from 'graphql';

/** Results of a subscription. `return` ends it at once, also while somebody waits for the next one. */
export type ResultStream = AsyncGenerator<ExecutionResult, undefined, undefined>;

export interface StreamParts {
  /** The client's end. */
  readonly signal: AbortSignal;
  readonly present: (error: GraphQLError) => GraphQLError;
}

/**
 * Starts a subscription and presents all its errors. One that breaks it off is its last result. `start` is given a
 * signal that is aborted when the stream is left, however that happens.
 */
export async function startResults(
  start: (ended: AbortSignal) => Promise<AsyncIterable<ExecutionResult> | ExecutionResult>,
  { signal, present }: StreamParts,
): Promise<ResultStream | ExecutionResult> {
  const left = new AbortController();
  const presented = (result: ExecutionResult): ExecutionResult =>
    result.errors ? { ...result, errors: result.errors.map(present) } : result;
  const started = await start(AbortSignal.any([signal, left.signal]));
  if (!isStream(started)) return presented(started);
  return new Results(started[Symbol.asyncIterator](), left, {
    map: presented,
    failed: (error) => ({ errors: [present(asGraphqlError(error))] }),
  });
}

export function isStream(value: object): value is AsyncIterable<ExecutionResult> {
  return Symbol.asyncIterator in value;
}

export function isResultStream(started: ResultStream | ExecutionResult): started is ResultStream {
  return Symbol.asyncIterator in started;
}

/** A stream of one result. */
export async function* only(result: ExecutionResult): AsyncGenerator<ExecutionResult, undefined, undefined> {
  yield result;
  return undefined;
}

export function asGraphqlError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}

interface Mapping {
  readonly map: (result: ExecutionResult) => ExecutionResult;
  readonly failed: (error: unknown) => ExecutionResult;
}

export const DONE = { done: true, value: undefined } as const;

/** A stream that is left in one way only, by `return`. */
export abstract class LeftByReturn implements ResultStream {
  abstract next(): Promise<IteratorResult<ExecutionResult, undefined>>;
  abstract return(): Promise<typeof DONE>;

  async throw(error: unknown): Promise<never> {
    await this.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** No generator: the `return` of one would wait for the `next` that is under way, and so for another event. */
class Results extends LeftByReturn {
  readonly #source: AsyncIterator<ExecutionResult>;
  readonly #left: AbortController;
  readonly #mapping: Mapping;
  #isDone = false;

  constructor(source: AsyncIterator<ExecutionResult>, left: AbortController, mapping: Mapping) {
    super();
    this.#source = source;
    this.#left = left;
    this.#mapping = mapping;
  }

  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    if (this.#isDone) return DONE;
    try {
      const { done, value } = await this.#source.next();
      if (done !== true) return { done: false, value: this.#mapping.map(value) };
      await this.return();
      return DONE;
    } catch (error) {
      // Its source was cut because it was left: nobody wants to know.
      if (this.#isDone) return DONE;
      await this.return();
      return { done: false, value: this.#mapping.failed(error) };
    }
  }

  async return(): Promise<typeof DONE> {
    if (!this.#isDone) {
      this.#isDone = true;
      this.#left.abort();
      await this.#source.return?.();
    }
    return DONE;
  }
}
