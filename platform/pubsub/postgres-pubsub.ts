import { setTimeout } from 'node:timers/promises';
import { Client, Pool } from 'pg';
import type { Notification } from 'pg';
import { checkChannel, checkMessage } from '#platform/pubsub/pubsub';
import type { PubSub } from '#platform/pubsub/pubsub';

interface PostgresPubSubOptions {
  readonly connectionString: string;
  /** Failures of connections and of listeners; the doorbell goes on by itself. */
  readonly onError: (error: Error) => void;
}

type Listener = (message: string) => void;

/** Names in PostgreSQL are 63 bytes at most; ours cannot meet another application's. */
const PREFIX = 'cairn_';
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** TCP notices a vanished server within about a minute and a half with this; without it, in two hours. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 };

/**
 * PubSub on NOTIFY. One connection of its own listens; when it breaks it is opened again, with growing pauses,
 * until `close`. Nothing is opened before the first call.
 */
export function createPostgresPubSub(options: PostgresPubSubOptions): PubSub {
  return new PostgresPubSub(options);
}

class PostgresPubSub implements PubSub {
  readonly #options: PostgresPubSubOptions;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #closing = new AbortController();
  readonly #publisher: Pool;
  /** The connection that listens to every channel of #listeners, or the attempt to have one. */
  #client: Promise<Client> | undefined;
  #reconnecting: Promise<void> | undefined;

  constructor(options: PostgresPubSubOptions) {
    this.#options = options;
    this.#publisher = new Pool({
      connectionString: options.connectionString,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'cairn-publish',
      max: 1,
      ...KEEP_ALIVE,
    });
    this.#publisher.on('error', options.onError);
  }

  async publish(channel: string, message: string): Promise<void> {
    checkChannel(channel);
    checkMessage(message);
    await this.#publisher.query('SELECT pg_notify($1, $2)', [PREFIX + channel, message]);
  }

  async subscribe(channel: string, listener: Listener): Promise<() => Promise<void>> {
    checkChannel(channel);
    if (this.#closing.signal.aborted) throw new Error('The doorbell is closed.');
    const known = this.#listeners.get(channel);
    const listeners = known ?? new Set();
    // A subscription of its own even when the same function subscribes twice.
    const own: Listener = (message) => listener(message);
    this.#listeners.set(channel, listeners.add(own));
    try {
      const client = await this.#connected();
      await client.query(`LISTEN ${PREFIX}${channel}`);
    } catch (error) {
      await this.#unsubscribe(channel, own);
      throw error;
    }
    return () => this.#unsubscribe(channel, own);
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#listeners.clear();
    await this.#reconnecting;
    const client = await this.#client?.catch(() => undefined);
    await client?.end();
    await this.#publisher.end();
  }

  async #unsubscribe(channel: string, listener: Listener): Promise<void> {
    const listeners = this.#listeners.get(channel);
    if (listeners?.delete(listener) !== true || listeners.size > 0) return;
    this.#listeners.delete(channel);
    const client = await this.#client?.catch(() => undefined);
    // Somebody may have subscribed again meanwhile.
    if (this.#listeners.has(channel)) return;
    // A connection that is just breaking forgets the channel anyway; what still arrives finds no listener.
    await client?.query(`UNLISTEN ${PREFIX}${channel}`).catch(this.#options.onError);
  }

  #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const attempt = this.#connect();
    this.#client = attempt;
    attempt.catch(() => {
      if (this.#client === attempt) this.#client = undefined;
    });
    return attempt;
  }

  async #connect(): Promise<Client> {
    const client = new Client({
      connectionString: this.#options.connectionString,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'cairn-listen',
      ...KEEP_ALIVE,
    });
    client.on('error', this.#options.onError);
    client.on('notification', (notification) => this.#deliver(notification));
    try {
      await client.connect();
      for (const channel of this.#listeners.keys()) await client.query(`LISTEN ${PREFIX}${channel}`);
    } catch (error) {
      await client.end();
      throw error;
    }
    client.once('end', () => this.#lost());
    return client;
  }

  #lost(): void {
    this.#client = undefined;
    if (this.#closing.signal.aborted || this.#reconnecting !== undefined) return;
    this.#reconnecting = this.#reconnect().finally(() => {
      this.#reconnecting = undefined;
    });
  }

  async #reconnect(): Promise<void> {
    for (let pause = FIRST_RETRY_MS; ; pause = Math.min(pause * 2, LAST_RETRY_MS)) {
      if (this.#closing.signal.aborted) return;
      try {
        await this.#connected();
        this.#warn();
        return;
      } catch (error) {
        this.#options.onError(asError(error));
      }
      await setTimeout(pause, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  /** Tells every listener that messages may have been lost. */
  #warn(): void {
    for (const listeners of this.#listeners.values())
      for (const listener of listeners) this.#call(listener, '');
  }

  #deliver(notification: Notification): void {
    const listeners = this.#listeners.get(notification.channel.slice(PREFIX.length));
    for (const listener of listeners ?? []) this.#call(listener, notification.payload ?? '');
  }

  #call(listener: Listener, message: string): void {
    try {
      listener(message);
    } catch (error) {
      this.#options.onError(asError(error));
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
