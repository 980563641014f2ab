import { setTimeout as delay } from 'node:timers/promises';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { WebSocket } from 'ws';

interface Message<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly Refusal[];
}

interface Refusal {
  readonly message: string;
  readonly extensions?: { readonly code?: string };
}

/** What is subscribed to, and where. */
export interface Subscription<Data> {
  readonly query: string;
  /** The variables with which to begin, or to go on behind a cursor. */
  readonly variables: (cursor: string | null) => Readonly<Record<string, unknown>>;
  /** Takes what is told and answers its cursor. */
  readonly take: (data: Data) => string;
  /** Asked at each connection: the platform may have moved. */
  readonly where: () => { readonly url: string; readonly apiKey: string };
}

/** Codes after which docs/live.md tells a client to subscribe again. */
const AGAIN = new Set(['SLOW_CONSUMER', 'UNAVAILABLE', 'TOO_MANY_REQUESTS', 'TIMEOUT']);
const PAUSE_MS = 50;
/** Close codes and statuses that say that the key is not good: it always is. */
const REFUSED = new Set([401, 403, 4401, 4403]);

/**
 * One subscription, over WebSocket and server-sent events in turn, that goes on from the last cursor when its
 * connection is lost.
 */
export class ResumingStream<Data> {
  /** Streams that were opened: one more than there were losses. */
  streams = 0;
  /** What no client should see; the stream ends at the first. */
  readonly faults: string[] = [];
  readonly #subscription: Subscription<Data>;
  readonly #stop = new AbortController();
  #cursor: string | null = null;
  readonly #following: Promise<void>;

  constructor(subscription: Subscription<Data>) {
    this.#subscription = subscription;
    this.#following = this.#follow();
  }

  /** Resolves when nothing is told any more. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  async #follow(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const stream = this.streams % 2 === 0 ? this.#overWebSocket() : this.#asServerEvents();
      this.streams += 1;
      try {
        await this.#listen(stream);
      } catch (error) {
        if (!this.#stop.signal.aborted) this.#judge(error);
      }
      if (this.faults.length > 0) return;
      await delay(PAUSE_MS);
    }
  }

  async #listen(stream: AsyncIterableIterator<Message<Data>>): Promise<void> {
    const leave = (): void => void stream.return?.();
    this.#stop.signal.addEventListener('abort', leave);
    try {
      for await (const { data, errors } of stream) {
        if (errors !== undefined) return this.#judge(errors);
        if (!data) continue;
        this.#cursor = this.#subscription.take(data);
      }
      if (!this.#stop.signal.aborted) this.faults.push('a stream was said to be complete');
    } finally {
      this.#stop.signal.removeEventListener('abort', leave);
    }
  }

  /** Lost connections are what is being tried; a refusal must be one of those after which one asks again. */
  #judge(error: unknown): void {
    if (Array.isArray(error)) {
      const refusals = error as readonly Refusal[];
      const bad = refusals.filter(({ extensions }) => !AGAIN.has(extensions?.code ?? ''));
      if (bad.length > 0) this.faults.push(`refused: ${JSON.stringify(bad)}`);
      return;
    }
    const { code, response } = error as { code?: unknown; response?: { status: number } };
    const status = response?.status ?? code;
    if (typeof status === 'number' && REFUSED.has(status)) this.faults.push(`refused with ${status}`);
  }

  get #operation(): { query: string; variables: Record<string, unknown> } {
    const { query, variables } = this.#subscription;
    return { query, variables: { ...variables(this.#cursor) } };
  }

  get #authorization(): string {
    return `Bearer ${this.#subscription.where().apiKey}`;
  }

  #overWebSocket(): AsyncIterableIterator<Message<Data>> {
    const client = createWsClient({
      url: this.#subscription.where().url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: this.#authorization },
      retryAttempts: 0,
    });
    return client.iterate(this.#operation) as AsyncIterableIterator<Message<Data>>;
  }

  #asServerEvents(): AsyncIterableIterator<Message<Data>> {
    const client = createSseClient({
      url: this.#subscription.where().url,
      headers: { authorization: this.#authorization },
      retryAttempts: 0,
    });
    return client.iterate(this.#operation) as AsyncIterableIterator<Message<Data>>;
  }
}
