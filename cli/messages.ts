import type { Config } from '#platform/config';
import type { Check } from '#platform/http/health';
import { createPostgresPubSub } from '#platform/pubsub/postgres-pubsub';
import type { PubSub } from '#platform/pubsub/pubsub';
import { createRedisPubSub } from '#platform/pubsub/redis-pubsub';
import type { BullBackend } from '#platform/queue/bull-backend';
import { postgresBackend } from '#platform/queue/bull-backend';
import { redisBackend } from '#platform/queue/redis-backend';

/** What carries messages between processes: the doorbell, and what the queue keeps its jobs in. */
interface Messages {
  readonly pubsub: PubSub;
  readonly backend: BullBackend;
  /** What /readyz asks: without Redis events are taken and found all the same, only jobs wait. */
  readonly lesserChecks: Readonly<Record<string, Check>>;
}

/** Redis where it is configured, else PostgreSQL. Connections are opened by the first call that needs them. */
export function openMessages(
  { redisUrl, redisPrefix }: Pick<Config, 'redisUrl' | 'redisPrefix'>,
  postgresUrl: string,
  onError: (part: string) => (error: unknown) => void,
): Messages {
  if (redisUrl === undefined) {
    return {
      pubsub: createPostgresPubSub({ connectionString: postgresUrl, onError: onError('pubsub') }),
      backend: postgresBackend({ connectionString: postgresUrl }),
      lesserChecks: {},
    };
  }
  const place = { url: redisUrl, prefix: redisPrefix };
  const pubsub = createRedisPubSub({ ...place, onError: onError('pubsub') });
  return {
    pubsub,
    backend: redisBackend({ ...place, onError: onError('queue') }),
    lesserChecks: { redis: () => pubsub.check() },
  };
}
