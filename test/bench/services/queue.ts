import { setTimeout as delay } from 'node:timers/promises';
import type { PubSub } from '#platform/pubsub/pubsub';
import { createPostgresPubSub } from '#platform/pubsub/postgres-pubsub';
import { createRedisPubSub } from '#platform/pubsub/redis-pubsub';
import type { BullBackend } from '#platform/queue/bull-backend';
import { postgresBackend } from '#platform/queue/bull-backend';
import { createBullQueue } from '#platform/queue/bull-queue';
import { redisBackend } from '#platform/queue/redis-backend';
import { quantile } from '#test/bench/statistics';
import { freshRedis } from '#test/services';

export interface CarrierResult {
  readonly carrier: string;
  /** Added one after the other by eight callers, worked on by one process. */
  readonly jobsPerSecond: number;
  /** Milliseconds from `publish` to the listener: p50 and p99. */
  readonly ring: readonly [number, number];
}

const JOBS = 1_000;
const ADDERS = 8;
const RINGS = 500;
const KIND = { name: 'bench', attempts: 1, backOff: { kind: 'fixed', delayMs: 1_000 } } as const;

function report(error: Error): void {
  process.stderr.write(`${error.message}\n`);
}

/** Queue and doorbell on PostgreSQL and on Redis. */
export async function benchCarriers(postgresUrl: string): Promise<readonly CarrierResult[]> {
  const redis = { ...(await freshRedis()), onError: report };
  const onPostgres = { connectionString: postgresUrl, onError: report };
  return [
    {
      carrier: 'PostgreSQL (embedded)',
      jobsPerSecond: await benchQueue(postgresBackend({ connectionString: postgresUrl })),
      ring: await benchDoorbell(createPostgresPubSub(onPostgres)),
    },
    {
      carrier: 'Redis',
      jobsPerSecond: await benchQueue(redisBackend(redis)),
      ring: await benchDoorbell(createRedisPubSub(redis)),
    },
  ];
}

async function benchQueue(backend: BullBackend): Promise<number> {
  const queue = createBullQueue({ backend, onError: report, name: 'bench' });
  let done = 0;
  const handler = async (): Promise<void> => {
    done += 1;
  };
  await queue.process(new Map([[KIND.name, handler]]));
  const start = performance.now();
  const numbers = Array.from({ length: JOBS }, (_, at) => at).values();
  const add = async (): Promise<void> => {
    for (const number of numbers) await queue.add(KIND, {}, { id: `bench-${number}` });
  };
  await Promise.all(Array.from({ length: ADDERS }, add));
  while (done < JOBS) await delay(5);
  const seconds = (performance.now() - start) / 1000;
  await queue.close();
  return Math.round(JOBS / seconds);
}

async function benchDoorbell(bell: PubSub): Promise<readonly [number, number]> {
  const times: number[] = [];
  let heard: () => void = () => {};
  await bell.subscribe('bench', () => heard());
  for (let ring = 0; ring < RINGS; ring++) {
    const start = performance.now();
    const rang = new Promise<void>((resolve) => {
      heard = resolve;
    });
    await Promise.all([bell.publish('bench', String(ring)), rang]);
    times.push(performance.now() - start);
  }
  await bell.close();
  return [quantile(times, 0.5), quantile(times, 0.99)];
}
