import { type ExecutionResult, GraphQLError } from 'graphql';
import { DONE, LeftByReturn, asGraphqlError, isResultStream } from '#platform/graphql/streams/result-stream';
import type { ResultStream } from '#platform/graphql/streams/result-stream';
import type { StreamCaps } from '#platform/graphql/streams/stream-caps';
import type { StreamOperation } from '#platform/graphql/streams/subscription-operation';

/** Who opened a stream. */
export interface StreamVisitor<Principal> {
  readonly principal: Principal;
  readonly requestId: string;
  readonly clientAddress: string | undefined;
}

/** What tells whose a stream is, and whether it still is. */
export interface StreamKeys<Principal> {
  /** By the `Authorization` header; null for no live key. */
  readonly authenticate: (authorization: string | undefined) => Promise<Principal | null>;
  /** By a ticket that stands in for a key, once. */
  readonly redeem: (ticket: string) => Promise<Principal | null>;
  /** False once the key was revoked or has expired. */
  readonly isLive: (principal: Principal) => Promise<boolean>;
}

export interface GateParts<Principal> {
  readonly keys: StreamKeys<Principal>;
  readonly caps: StreamCaps;
  /** Runs a subscription that nobody has checked yet; results come presented. */
  readonly start: (
    operation: StreamOperation,
    visitor: StreamVisitor<Principal>,
    signal: AbortSignal,
  ) => Promise<ResultStream | ExecutionResult>;
  readonly present: (error: GraphQLError, visitor: StreamVisitor<Principal>) => GraphQLError;
  readonly log: { error(attributes: Record<string, unknown>, message: string): void };
}

/** How often the key of every stream is looked at. */
export const RECHECK_MS = 30_000;

/** Where streams begin and end, whatever transport carries them. */
export class StreamGate<Principal extends { readonly keyId: string }> {
  readonly parts: GateParts<Principal>;
  readonly #open = new Set<GatedStream<Principal>>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: GateParts<Principal>, recheckMs = RECHECK_MS) {
    this.parts = parts;
    this.#timer = setInterval(() => void this.recheck(), recheckMs).unref();
  }

  /** A stream, or the result that says why there is none. `onEnd` is called once, when either is over. */
  async open(
    operation: StreamOperation,
    visitor: StreamVisitor<Principal>,
    signal: AbortSignal,
    onEnd: () => void = () => undefined,
  ): Promise<ResultStream | ExecutionResult> {
    const { caps, start, present } = this.parts;
    let give: () => void = () => undefined;
    const end = (): void => {
      give();
      onEnd();
    };
    try {
      give = caps.take(visitor.principal.keyId);
      const started = await start(operation, visitor, signal);
      if (!isResultStream(started)) {
        end();
        return started;
      }
      const stream = new GatedStream(started, visitor, () => {
        this.#open.delete(stream);
        end();
      });
      this.#open.add(stream);
      return stream;
    } catch (error) {
      end();
      return { errors: [present(asGraphqlError(error), visitor)] };
    }
  }

  /** Ends the streams of keys that are not good any more. */
  async recheck(): Promise<void> {
    const { keys, present, log } = this.parts;
    const byKey = Map.groupBy(this.#open, ({ visitor }) => visitor.principal.keyId);
    for (const streams of byKey.values()) {
      const [first] = streams;
      if (first === undefined) continue;
      try {
        if (await keys.isLive(first.visitor.principal)) continue;
        for (const stream of streams) await stream.end(present(revoked(), stream.visitor));
      } catch (error) {
        // Told apart from a bad key: streams go on, and the key is looked at again.
        log.error({ err: error }, 'the keys of streams cannot be checked');
      }
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const stream of this.#open) await stream.return();
  }
}

function revoked(): GraphQLError {
  return new GraphQLError('The key of this stream was revoked or has expired.', {
    extensions: { code: 'UNAUTHENTICATED' },
  });
}

/** A stream that can be ended from outside, with a last word. */
class GatedStream<Principal> extends LeftByReturn {
  readonly visitor: StreamVisitor<Principal>;
  readonly #source: ResultStream;
  #onEnd: (() => void) | undefined;
  #lastWord: ExecutionResult | undefined;

  constructor(source: ResultStream, visitor: StreamVisitor<Principal>, onEnd: () => void) {
    super();
    this.visitor = visitor;
    this.#source = source;
    this.#onEnd = onEnd;
  }

  async end(error: GraphQLError): Promise<void> {
    this.#lastWord = { errors: [error] };
    await this.#source.return(undefined);
  }

  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    const next = await this.#source.next();
    if (next.done !== true) return next;
    const word = this.#lastWord;
    this.#lastWord = undefined;
    if (word !== undefined) return { done: false, value: word };
    this.#over();
    return DONE;
  }

  #over(): void {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    onEnd?.();
  }

  async return(): Promise<typeof DONE> {
    this.#over();
    await this.#source.return(undefined);
    return DONE;
  }
}
