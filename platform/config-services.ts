import { z } from 'zod';

import { OBJECTS } from '#platform/config-objects';
import { OPENSEARCH } from '#platform/config-opensearch';
import { optional, url, variable, whole } from '#platform/variable';

/** The services that a process stands on: each embedded unless told. */
export const SERVICES = {
  ...OBJECTS,
  ...OPENSEARCH,
  postgresUrl: optional(
    'CAIRN_POSTGRES_URL',
    url(['postgres:', 'postgresql:']),
    'A PostgreSQL 15 or newer to use. Unset: the embedded one.',
  ),
  postgresConnections: variable(
    'CAIRN_POSTGRES_CONNECTIONS',
    whole(2, 500),
    '20',
    'Connections to PostgreSQL at most, per process.',
  ),
  redisUrl: optional(
    'CAIRN_REDIS_URL',
    url(['redis:', 'rediss:']),
    'A Redis 6.2 or newer, or Valkey, for jobs and the doorbell (rediss:// with TLS). Unset: PostgreSQL carries both.',
  ),
  redisPrefix: variable(
    'CAIRN_REDIS_PREFIX',
    z.string().regex(/^[A-Za-z0-9_{}-]{1,64}$/, 'must be 1 to 64 letters, digits, _, -, { or }'),
    'cairn',
    'Begins every name in Redis: installations that share a server need different ones, whatever the database.',
  ),
};
