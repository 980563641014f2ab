import { setTimeout as delay } from 'node:timers/promises';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { EventFilterInput } from '#domain/filter/input';
import { followedFilters } from '#test/bench/filters';
import { bodiesOf, generate, send } from '#test/bench/load';
import { type Product, startProduct } from '#test/bench/product';
import { quantile } from '#test/bench/statistics';

export interface LiveLatency {
  readonly door: string;
  readonly subscribers: number;
  readonly perSecond: number;
  /** Messages that all subscribers got. */
  readonly received: number;
  /** Milliseconds from the durable record (receivedAt) to its arrival at the client. */
  readonly p50: number;
  readonly p99: number;
  /** What the api process's resident memory grew by while the subscribers came, over their number. */
  readonly kilobytesEach: number;
}

export interface LiveSize {
  readonly seconds: number;
  readonly say: (line: string) => void;
}

const PER_SECOND = 1_000;
const STEP_MS = 50;
const PER_CONNECTION = 50;
const DOORS = [
  { path: '/subgraphs/events/graphql', subscribers: 500 },
  { path: '/graphql', subscribers: 100 },
] as const;
const QUERY = `subscription ($filter: EventFilterInput) {
  eventRecorded(filter: $filter) { cursor event { eventName eventTime username receivedAt raw } } }`;
/** After the last event was answered; far more than any latency aimed at. */
const REST_MS = 2_000;

/** Events at a steady rate, and many subscribers of different filters, at each door in turn. */
export async function benchLive({ seconds, say }: LiveSize): Promise<readonly LiveLatency[]> {
  const results: LiveLatency[] = [];
  for (const [run, { path, subscribers }] of DOORS.entries()) {
    await using product = await startProduct({ CAIRN_STREAMS: '2000', CAIRN_STREAMS_PER_KEY: '2000' });
    const events = generate(900 + run, PER_SECOND * seconds);
    const filters = followedFilters(events.slice(0, 2_000), subscribers, 41);
    // Journal, doors and history are warm before anything is measured.
    await send(product, bodiesOf(generate(800 + run, 5_000)));
    const before = await residentKilobytes(product);
    const audience = new Audience(`${product.url}${path}`, product.apiKey);
    audience.subscribe(filters);
    await audience.settle();
    const kilobytesEach = ((await residentKilobytes(product)) - before) / subscribers;
    await sendSteadily(product, events);
    await delay(REST_MS);
    const latencies = await audience.leave();
    const result = {
      door: path,
      subscribers,
      perSecond: PER_SECOND,
      received: latencies.length,
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      kilobytesEach,
    };
    say(`live ${JSON.stringify(result)}`);
    results.push(result);
  }
  return results;
}

interface Message {
  readonly data?: { readonly eventRecorded: { readonly event: { readonly receivedAt: string } } } | null;
  readonly errors?: readonly unknown[] | undefined;
}

/** Subscribers over as few connections as there may be. */
class Audience {
  readonly #connect: () => Client;
  readonly #clients: Client[] = [];
  readonly #latencies: number[] = [];
  readonly #failures: unknown[] = [];

  constructor(url: string, apiKey: string) {
    this.#connect = (): Client =>
      createClient({
        url: url.replace('http', 'ws'),
        webSocketImpl: WebSocket,
        connectionParams: { authorization: `Bearer ${apiKey}` },
        lazy: false,
      });
  }

  subscribe(filters: readonly EventFilterInput[]): void {
    for (const [index, filter] of filters.entries()) {
      if (index % PER_CONNECTION === 0) this.#clients.push(this.#connect());
      this.#clients.at(-1)?.subscribe<Message['data']>(
        { query: QUERY, variables: { filter } },
        {
          next: (message) => this.#hear(message as Message),
          error: (error) => this.#failures.push(error),
          complete: () => undefined,
        },
      );
    }
  }

  /** Subscribing is answered by nothing: they are taken to be there when a while has passed. */
  async settle(): Promise<void> {
    await delay(REST_MS * 2);
    this.#check();
  }

  async leave(): Promise<readonly number[]> {
    for (const client of this.#clients) await client.dispose();
    this.#check();
    return this.#latencies;
  }

  #hear({ data, errors }: Message): void {
    if (data) this.#latencies.push(Date.now() - Date.parse(data.eventRecorded.event.receivedAt));
    else this.#failures.push(errors);
  }

  #check(): void {
    if (this.#failures.length > 0) {
      throw new Error(
        `${this.#failures.length} subscribers failed, first: ${JSON.stringify(this.#failures[0])}`,
      );
    }
  }
}

async function sendSteadily(product: Product, events: readonly Buffer[]): Promise<void> {
  const step = (PER_SECOND * STEP_MS) / 1_000;
  const start = performance.now();
  const sending: Promise<number>[] = [];
  for (let from = 0; from < events.length; from += step) {
    await delay(Math.max(0, start + (from / step) * STEP_MS - performance.now()));
    sending.push(send(product, bodiesOf(events.slice(from, from + step))));
  }
  await Promise.all(sending);
}

async function residentKilobytes({ url }: Product): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const bytes = /^process_resident_memory_bytes(?:\{[^}]*\})? (\S+)$/m.exec(text)?.[1];
  if (bytes === undefined) throw new Error('/metrics has no process_resident_memory_bytes.');
  return Number(bytes) / 1_024;
}
