import { Queue, Worker } from 'bullmq';
import type { Processor } from 'bullmq';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { endRedis, openRedis, redisOptions, withoutCommand } from '#platform/pubsub/redis-connection';
import type { RedisPlace } from '#platform/pubsub/redis-connection';
import type { BullBackend } from '#platform/queue/bull-backend';

interface RedisBackendOptions extends RedisPlace {
  /** Failures of connections; they come back by themselves. */
  readonly onError: (error: Error) => void;
}

/** Who adds or asks is answered, or refused, within so long: what is true of jobs stands in PostgreSQL. */
const ANSWER_MS = 5_000;

/**
 * BullMQ on Redis. Producers give up soon when Redis is away; workers wait for it, however long it takes, and
 * go on where they were.
 */
export function redisBackend(options: RedisBackendOptions): BullBackend {
  const { url, prefix, onError } = options;
  const connections = new Set<Redis>();
  const producer = openRedis(url, onError, {
    connectionName: 'cairn-queue',
    commandTimeout: ANSWER_MS,
    maxRetriesPerRequest: 0,
  });
  connections.add(producer);
  return {
    // Asking for the version first would let a queue fail for good that was opened while Redis was away.
    queue: (name) =>
      new Queue(name, { connection: producer, prefix, skipVersionCheck: true, skipWaitingForReady: true }),
    worker: (name, processor, workerOptions) => {
      const typed: Processor<unknown, void> = processor;
      const connection = new WorkerConnection(connections, new URL(url).href, {
        ...redisOptions(url),
        connectionName: 'cairn-worker',
        maxRetriesPerRequest: null,
      });
      return new Worker(name, typed, { ...workerOptions, connection, prefix });
    },
    close: async () => {
      await Promise.all([...connections].map(endRedis));
    },
  };
}

/**
 * BullMQ duplicates a worker's connection for the command that waits. Both connect at once: it takes the failure
 * of a `connect()` that it called itself for final, and waits for one that goes on by itself.
 */
class WorkerConnection extends Redis {
  readonly #url: string;
  readonly #connections: Set<Redis>;

  constructor(connections: Set<Redis>, url: string, options: Omit<RedisOptions, 'replyMapping'>) {
    super(url, options);
    this.#url = url;
    this.#connections = connections;
    connections.add(this);
    this.on('error', withoutCommand);
  }

  override duplicate(override?: Partial<RedisOptions>): Redis {
    const duplicate = new Redis(this.#url, { ...this.options, ...override });
    this.#connections.add(duplicate);
    duplicate.on('error', withoutCommand);
    return duplicate;
  }
}
