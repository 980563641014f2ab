import type { Redis } from 'ioredis';
import { checkChannel, checkMessage } from '#platform/pubsub/pubsub';
import type { PubSub } from '#platform/pubsub/pubsub';
import { endRedis, openRedis, withoutCommand } from '#platform/pubsub/redis-connection';
import type { RedisPlace } from '#platform/pubsub/redis-connection';

interface RedisPubSubOptions extends RedisPlace {
  /** Failures of connections and of listeners; the doorbell goes on by itself. */
  readonly onError: (error: Error) => void;
}

/** A doorbell that can be asked whether its server answers. */
export interface RedisPubSub extends PubSub {
  /** Rejects, within seconds, when Redis cannot be reached. */
  check(): Promise<void>;
}

type Listener = (message: string) => void;

interface Subscription {
  readonly channel: string;
  readonly listener: Listener;
  /** Resolves `subscribe`; undefined once it has. */
  begin: (() => void) | undefined;
}

/** A ring that takes longer has lost its use. */
const PUBLISH_MS = 2_000;
const ANSWER_MS = 5_000;

/**
 * PubSub on Redis, with a connection that listens and one that speaks. Both come back by themselves after a
 * break. A subscription while Redis is away begins at once and is told, like all others, when Redis is there
 * again: losing rings costs time only, and nobody shall be kept from working by it.
 */
export function createRedisPubSub(options: RedisPubSubOptions): RedisPubSub {
  return new IoredisPubSub(options);
}

class IoredisPubSub implements RedisPubSub {
  readonly #options: RedisPubSubOptions;
  readonly #subscriptions = new Set<Subscription>();
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  #closed: Promise<void> | undefined;

  constructor(options: RedisPubSubOptions) {
    this.#options = options;
    const { url, onError } = options;
    this.#publisher = openRedis(url, onError, {
      connectionName: 'cairn-publish',
      commandTimeout: PUBLISH_MS,
      // Fails with the first attempt to come back: a ring is not worth keeping.
      maxRetriesPerRequest: 0,
    });
    this.#subscriber = openRedis(url, onError, {
      connectionName: 'cairn-listen',
      autoResubscribe: false,
      enableOfflineQueue: false,
      commandTimeout: ANSWER_MS,
      maxRetriesPerRequest: 0,
    });
    this.#subscriber.on('message', (channel, message) => this.#deliver(channel, message));
    this.#subscriber.on('ready', () => void this.#listenAgain());
    this.#subscriber.on('close', () => this.#beginAll());
  }

  async publish(channel: string, message: string): Promise<void> {
    checkChannel(channel);
    checkMessage(message);
    await this.#speak((publisher) => publisher.publish(this.#name(channel), message));
  }

  async check(): Promise<void> {
    await this.#speak((publisher) => publisher.ping());
  }

  async subscribe(channel: string, listener: Listener): Promise<() => Promise<void>> {
    checkChannel(channel);
    if (this.#closed !== undefined) throw new Error('The doorbell is closed.');
    const begun = Promise.withResolvers<void>();
    const subscription: Subscription = { channel, listener, begin: begun.resolve };
    this.#subscriptions.add(subscription);
    const { status } = this.#subscriber;
    if (status === 'wait') this.#subscriber.connect().catch(nothing);
    else if (status === 'reconnecting') begin(subscription);
    else if (status === 'ready') await this.#listen([subscription]);
    // Else it is connecting: `ready` or `close` will come.
    await begun.promise;
    return () => this.#unsubscribe(subscription);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#beginAll();
    this.#subscriptions.clear();
    await Promise.all([endRedis(this.#subscriber), endRedis(this.#publisher)]);
  }

  async #speak(command: (publisher: Redis) => Promise<unknown>): Promise<void> {
    if (this.#closed !== undefined) throw new Error('The doorbell is closed.');
    try {
      await command(this.#publisher);
    } catch (error) {
      throw asError(error);
    }
  }

  async #unsubscribe(subscription: Subscription): Promise<void> {
    if (!this.#subscriptions.delete(subscription)) return;
    const { channel } = subscription;
    const isHeard = [...this.#subscriptions].some((other) => other.channel === channel);
    if (isHeard || this.#subscriber.status !== 'ready') return;
    // A connection that is just breaking forgets the channel anyway; what still arrives finds no listener.
    await this.#subscriber.unsubscribe(this.#name(channel)).catch((error: unknown) => this.#failed(error));
  }

  /** The connection was, and is there again: those who had begun before may have missed something. */
  async #listenAgain(): Promise<void> {
    const all = [...this.#subscriptions];
    const missed = all.filter(({ begin }) => begin === undefined);
    if (all.length === 0 || !(await this.#listen(all))) return;
    for (const { listener } of missed) this.#call(listener, '');
  }

  async #listen(subscriptions: readonly Subscription[]): Promise<boolean> {
    const names = new Set(subscriptions.map(({ channel }) => this.#name(channel)));
    try {
      await this.#subscriber.subscribe(...names);
    } catch (error) {
      this.#failed(error);
      // It broke, or does not answer: begin with a new one, which all will be told of.
      this.#subscriber.disconnect(true);
      return false;
    }
    for (const subscription of subscriptions) begin(subscription);
    return true;
  }

  /** What has not begun yet begins when the connection is there: nobody waits for a server that is away. */
  #beginAll(): void {
    for (const subscription of this.#subscriptions) begin(subscription);
  }

  #deliver(name: string, message: string): void {
    for (const { channel, listener } of this.#subscriptions)
      if (this.#name(channel) === name) this.#call(listener, message);
  }

  #call(listener: Listener, message: string): void {
    try {
      listener(message);
    } catch (error) {
      this.#failed(error);
    }
  }

  #name(channel: string): string {
    return `${this.#options.prefix}:${channel}`;
  }

  #failed(error: unknown): void {
    this.#options.onError(asError(error));
  }
}

function begin(subscription: Subscription): void {
  subscription.begin?.();
  subscription.begin = undefined;
}

function asError(error: unknown): Error {
  return error instanceof Error ? withoutCommand(error) : new Error(String(error));
}

/** The client's `error` event tells of the same failure. */
function nothing(): void {}
