import type { Finding } from '#cli/doctor/finding';
import { ok, reasonOf, trouble, warning } from '#cli/doctor/finding';
import type { Config } from '#platform/config';
import { reportRedis } from '#platform/pubsub/redis-report';

/** BullMQ's own advice; what is older lacks commands that delayed jobs need. */
const OLDEST = [6, 2] as const;

/** The Redis of the configuration, when there is one. */
export async function examineRedis({ redisUrl }: Pick<Config, 'redisUrl'>): Promise<readonly Finding[]> {
  if (redisUrl === undefined) return [];
  try {
    const { version, evictionPolicy } = await reportRedis(redisUrl);
    const found = `Redis ${version}`;
    if (isOlder(version)) return [trouble('Redis', found, 'Cairn needs Redis 6.2 or newer, or Valkey.')];
    if (evictionPolicy === undefined || evictionPolicy === 'noeviction') return [ok('Redis', found)];
    return [
      warning(
        'Redis',
        `${found} drops keys when its memory is full (${evictionPolicy})`,
        'Set maxmemory-policy to noeviction: dropped jobs come back from PostgreSQL, but late.',
      ),
    ];
  } catch (error) {
    const advice = 'Check CAIRN_REDIS_URL. Events are recorded and found without it; jobs and sealing wait.';
    return [trouble('Redis', reasonOf(error), advice)];
  }
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}
