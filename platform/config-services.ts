import { optional, url, variable, whole } from '#platform/variable';

/** The services that a process stands on: each embedded unless told. */
export const SERVICES = {
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
};
