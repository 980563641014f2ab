import type { Config } from '#platform/config';
import { CLUSTER } from '#platform/config-cluster';
import { SERVER } from '#platform/config-server';
import { SERVICES } from '#platform/config-services';
import type { Variable } from '#platform/variable';

/** Values that may be told as they are. What is not named here is not told at all: it may be, or become, a secret. */
const TOLD = [
  'dataDir',
  'anchorDir',
  'host',
  'workerDuties',
  'allowPlaintext',
  'trustedProxies',
  'corsOrigins',
  'metricsNetworks',
  'logLevel',
  'historyDays',
  'historyCategories',
  'maxGraphqlBytes',
  'maxBulkBytes',
  'maxQueueBytes',
  'maxConnections',
  'connectionsPerAddress',
  'requestSeconds',
  'queryCostPerMinute',
  'recordBytesPerMinute',
  'recordReads',
  'webhookNetworks',
  'sealBytes',
  'sealSeconds',
  'exportRows',
  'exportsPerKey',
  'exportsPerAccount',
  'exportHours',
  'exportDays',
  'exportLinkMinutes',
  'streams',
  'streamsPerKey',
  'streamsPerConnection',
  'postgresConnections',
  'redisPrefix',
  's3Bucket',
  's3KeysBucket',
  's3Prefix',
  's3Region',
  's3Encryption',
  's3LockMode',
  's3LockDays',
  'drainSeconds',
  'stopSeconds',
] as const satisfies readonly (keyof Config)[];
/** Of these the host: user, password and query are left out, and the port, which the embedded one changes. */
const HOST_TOLD = [
  'postgresUrl',
  'redisUrl',
  'otlpEndpoint',
  's3Endpoint',
] as const satisfies readonly (keyof Config)[];

/** What a process was told that is no secret, by variable; what is unset and has no default is absent. */
export function toldSettings(config: Config): Readonly<Record<string, string>> {
  const variables: Readonly<Record<string, Variable<unknown>>> = { ...SERVER, ...SERVICES, ...CLUSTER };
  const told: [string, string][] = [];
  for (const key of TOLD) {
    const value = config[key];
    if (value !== undefined) told.push([variables[key]?.name ?? key, String(value)]);
  }
  for (const key of HOST_TOLD) {
    const value = config[key];
    if (value !== undefined) told.push([variables[key]?.name ?? key, new URL(value).hostname]);
  }
  return Object.fromEntries(told);
}
