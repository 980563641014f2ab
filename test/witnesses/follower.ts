import { setTimeout as delay } from 'node:timers/promises';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { WhereItIs } from '#test/soak/load';
import { takeExport } from '#test/witnesses/take-export';
import type { Witness } from '#test/witnesses/witness';

interface Message {
  readonly data?: Recorded | null;
  readonly errors?: readonly Refusal[];
}

interface Recorded {
  readonly eventRecorded: {
    readonly cursor: string;
    readonly event: { readonly eventId: string; readonly raw: string };
  };
}

interface Refusal {
  readonly message: string;
  readonly extensions?: { readonly code?: string };
}

const QUERY = `subscription ($after: ID, $since: DateTime) {
  eventRecorded(after: $after, since: $since) { cursor event { eventId raw } }
}`;
/** Codes after which docs/live.md tells a client to subscribe again. */
const AGAIN = new Set(['SLOW_CONSUMER', 'UNAVAILABLE', 'TOO_MANY_REQUESTS', 'TIMEOUT']);
const PAUSE_MS = 50;
const PATIENCE_MS = 120_000;
/** Close codes and statuses that say that the key is not good: it always is. */
const REFUSED = new Set([401, 403, 4401, 4403]);

/**
 * Follows everything, over WebSocket and server-sent events in turn, and goes on from the last cursor when a
 * connection is lost: each event must be told once, in the order of recording.
 */
export class Follower implements Witness {
  readonly name: string;
  /** Streams that were opened: one more than there were losses. */
  streams = 0;
  readonly #told: string[] = [];
  readonly #texts = new Map<string, string>();
  readonly #faults: string[] = [];
  readonly #stop = new AbortController();
  readonly #door: string | undefined;
  #where: WhereItIs = () => ({ url: '', apiKey: '' });
  #cursor: string | null = null;
  #following: Promise<void> | undefined;

  /** At the gateway, or at the door of this address. */
  constructor(door?: string) {
    this.#door = door;
    this.name = door === undefined ? 'follower' : `follower of ${door}`;
  }

  start(where: WhereItIs): void {
    this.#where = where;
    this.#following = this.#follow();
  }

  /** Resolves when it has been told of this event. */
  async hears(eventId: string): Promise<void> {
    while (!this.#texts.has(eventId)) await delay(PAUSE_MS);
  }

  async finish(acknowledged: ReadonlyMap<string, string>): Promise<readonly string[]> {
    const file = await takeExport(this.#where, this.#stop.signal);
    const recorded = file?.rows.toSorted((one, other) => one.position - other.position) ?? [];
    const deadline = Date.now() + PATIENCE_MS;
    const isBehind = (): boolean => recorded.some(({ eventId }) => !this.#texts.has(eventId));
    while (isBehind() && this.#faults.length === 0 && Date.now() < deadline) await delay(PAUSE_MS);
    this.abandon();
    await this.#following;
    // What was erased meanwhile is in no file; what the platform records of itself goes on behind it.
    const there = new Set(recorded.map(({ eventId }) => eventId));
    const told = this.#told.filter((id) => there.has(id));
    const wrong = recorded.findIndex(({ eventId }, index) => told[index] !== eventId);
    const altered = [...acknowledged].filter(([id, raw]) => this.#texts.get(id) !== raw).length;
    const sent = this.#told.filter((id) => acknowledged.has(id)).length;
    if (wrong >= 0) this.#faults.push(`at position ${wrong}: told ${told[wrong] ?? 'nothing'}`);
    if (altered > 0) this.#faults.push(`${altered} events were not told as they were sent`);
    if (sent !== acknowledged.size)
      this.#faults.push(`told ${sent} times of ${acknowledged.size} events that were sent`);
    return this.#faults;
  }

  abandon(): void {
    this.#stop.abort();
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
      if (this.#faults.length > 0) return;
      await delay(PAUSE_MS);
    }
  }

  async #listen(stream: AsyncIterableIterator<Message>): Promise<void> {
    const leave = (): void => void stream.return?.();
    this.#stop.signal.addEventListener('abort', leave);
    try {
      for await (const { data, errors } of stream) {
        if (errors !== undefined) return this.#judge(errors);
        if (!data) continue;
        const { cursor, event } = data.eventRecorded;
        this.#cursor = cursor;
        this.#told.push(event.eventId);
        this.#texts.set(event.eventId, event.raw);
      }
      if (!this.#stop.signal.aborted) this.#faults.push('a stream was said to be complete');
    } finally {
      this.#stop.signal.removeEventListener('abort', leave);
    }
  }

  /** Lost connections are what is being tried; a refusal must be one of those after which one asks again. */
  #judge(error: unknown): void {
    if (Array.isArray(error)) {
      const refusals = error as readonly Refusal[];
      const bad = refusals.filter(({ extensions }) => !AGAIN.has(extensions?.code ?? ''));
      if (bad.length > 0) this.#faults.push(`refused: ${JSON.stringify(bad)}`);
      return;
    }
    const { code, response } = error as { code?: unknown; response?: { status: number } };
    const status = response?.status ?? code;
    if (typeof status === 'number' && REFUSED.has(status)) this.#faults.push(`refused with ${status}`);
  }

  get #operation(): { query: string; variables: Record<string, unknown> } {
    const place = this.#cursor === null ? { since: new Date(0).toISOString() } : { after: this.#cursor };
    return { query: QUERY, variables: place };
  }

  get #address(): string {
    return this.#door ?? `${this.#where().url}/graphql`;
  }

  get #authorization(): string {
    return `Bearer ${this.#where().apiKey}`;
  }

  #overWebSocket(): AsyncIterableIterator<Message> {
    const client = createWsClient({
      url: this.#address.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: this.#authorization },
      retryAttempts: 0,
    });
    return client.iterate(this.#operation) as AsyncIterableIterator<Message>;
  }

  #asServerEvents(): AsyncIterableIterator<Message> {
    const client = createSseClient({
      url: this.#address,
      headers: { authorization: this.#authorization },
      retryAttempts: 0,
    });
    return client.iterate(this.#operation) as AsyncIterableIterator<Message>;
  }
}
