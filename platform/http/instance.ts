import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { STOPPING_HEADER } from '#platform/http/stopping';

export interface InstanceOptions {
  /** `http://10.0.0.5:4610` */
  readonly origin: string;
  /** Hears of every change between in and out. */
  readonly onChange: (origin: string, isIn: boolean, reason: unknown) => void;
}

export type InstanceRequest = Pick<
  Dispatcher.RequestOptions,
  'method' | 'path' | 'headers' | 'body' | 'signal' | 'headersTimeout' | 'bodyTimeout'
>;

/** For operations, which take moments. */
const CONNECTIONS = 64;
/** For bodies and files, which take as long as a stranger at the other end likes. */
const TRANSFERS = 256;
const CONNECT_MS = 2_000;
/** Below the 75 s for which our servers keep a silent connection: they never close what we are about to use. */
const KEEP_ALIVE_MS = 60_000;
const PROBE_MS = 2_000;
/** How often it is asked whether it lives: while it is in, and while it is out. */
const EVERY_MS = 2_000;
const AGAIN_MS = 250;

/** One of the processes that can answer, with its connections. Asks by itself whether it lives. */
export class Instance {
  readonly origin: string;
  readonly #options: InstanceOptions;
  readonly #pool: Pool;
  readonly #transfers: Pool;
  readonly #streams: Pool;
  readonly #probes: Pool;
  readonly #closing = new AbortController();
  readonly #probing: Promise<void>;
  #isIn = true;
  #hurry: (() => void) | undefined;

  constructor(options: InstanceOptions) {
    this.origin = options.origin;
    this.#options = options;
    const kept = {
      pipelining: 1,
      allowH2: false,
      connect: { timeout: CONNECT_MS },
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
    };
    this.#pool = new Pool(options.origin, { ...kept, connections: CONNECTIONS });
    this.#transfers = new Pool(options.origin, { ...kept, connections: TRANSFERS });
    // Never behind anything else: whether it lives does not depend on how much it has to do.
    this.#probes = new Pool(options.origin, { ...kept, connections: 1 });
    this.#streams = new Pool(options.origin, { allowH2: false, connect: { timeout: CONNECT_MS } });
    this.#probing = this.#keepProbing();
  }

  /** False once it did not answer, or said that it stops, until it answers again. */
  get isIn(): boolean {
    return this.#isIn;
  }

  /** As the `Host` header names it. */
  get host(): string {
    return new URL(this.origin).host;
  }

  /** For what is answered in moments. */
  request(request: InstanceRequest): Promise<Dispatcher.ResponseData> {
    return this.#send(this.#pool, request);
  }

  /** The same for long bodies, in either direction: slow ones would take the connections of the others. */
  transfer(request: InstanceRequest): Promise<Dispatcher.ResponseData> {
    return this.#send(this.#transfers, request);
  }

  /** The same for answers without an end. */
  stream(request: InstanceRequest): Promise<Dispatcher.ResponseData> {
    return this.#send(this.#streams, request);
  }

  /** Left out from now on, until a probe finds it well. */
  leave(reason: unknown): void {
    this.#become(false, reason);
    this.#hurry?.();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#hurry?.();
    await this.#probing;
    const pools = [this.#pool, this.#transfers, this.#streams, this.#probes];
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  async #send(pool: Pool, request: InstanceRequest): Promise<Dispatcher.ResponseData> {
    const response = await pool.request(request);
    if (response.headers[STOPPING_HEADER] !== undefined) this.leave('it stops');
    return response;
  }

  #become(isIn: boolean, reason: unknown): void {
    if (this.#isIn === isIn || this.#closing.signal.aborted) return;
    this.#isIn = isIn;
    this.#options.onChange(this.origin, isIn, reason);
  }

  async #keepProbing(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#probe();
      await this.#pause(this.#isIn ? EVERY_MS : AGAIN_MS);
    }
  }

  async #probe(): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(PROBE_MS)]);
    try {
      const { statusCode, headers, body } = await this.#probes.request({
        method: 'GET',
        path: '/healthz',
        signal,
      });
      await body.dump();
      if (headers[STOPPING_HEADER] !== undefined) this.#become(false, 'it stops');
      else this.#become(statusCode === 200, `it answers with ${statusCode}`);
    } catch (error) {
      this.#become(false, error);
    }
  }

  /** Until the time is over; whoever is left out meanwhile is asked again after the shorter one. */
  async #pause(ms: number): Promise<void> {
    const stop = new AbortController();
    this.#hurry = (): void => stop.abort();
    if (this.#closing.signal.aborted) return;
    try {
      await delay(ms, undefined, { signal: stop.signal, ref: false });
    } catch (error) {
      if (!stop.signal.aborted) throw error;
      if (!this.#closing.signal.aborted) await delay(AGAIN_MS, undefined, { ref: false });
    } finally {
      this.#hurry = undefined;
    }
  }
}
