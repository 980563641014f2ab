import { endRedis, openRedis, withoutCommand } from '#platform/pubsub/redis-connection';

/** What a Redis says of itself. */
export interface RedisReport {
  /** `7.0.15`, or what a compatible server takes for its version. */
  readonly version: string;
  /** What it does when its memory is full; `noeviction` keeps what it was given. */
  readonly evictionPolicy: string | undefined;
}

const ANSWER_MS = 5_000;

/** Asks on a connection of its own. Rejects, with the reason, when the server cannot be reached. */
export async function reportRedis(url: string): Promise<RedisReport> {
  let reason: Error | undefined;
  const client = openRedis(url, (error) => (reason = error), {
    commandTimeout: ANSWER_MS,
    maxRetriesPerRequest: 0,
    connectionName: 'cairn-doctor',
  });
  try {
    const text = await client.info();
    return {
      version: field(text, 'redis_version') ?? '?',
      evictionPolicy: field(text, 'maxmemory_policy'),
    };
  } catch (error) {
    // What broke the connection says more than that the command was given up.
    throw reason ?? (error instanceof Error ? withoutCommand(error) : error);
  } finally {
    await endRedis(client);
  }
}

function field(text: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1]?.trim();
}
