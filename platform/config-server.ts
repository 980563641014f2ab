import { z } from 'zod';

import { EXPORTS } from '#platform/config-exports';
import { folderOrS3 } from '#platform/config-objects';
import { STREAMS } from '#platform/config-streams';
import { WEBHOOKS } from '#platform/config-webhooks';
import { list, network, optional, origin, text, url, variable, whole, yesOrNo } from '#platform/variable';

/** CloudTrail's categories as domain/event.ts has them; platform knows nothing of audit and cannot ask it. */
const CATEGORIES = [
  'Management',
  'Data',
  'NetworkActivity',
  'Insight',
  'Aggregated',
  'ActivityAuditLog',
  'ConfigurationItem',
  'Evidence',
] as const;
const WORKER_DUTIES = ['projections', 'jobs'] as const;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const MEGABYTE = 1_048_576;

/** What a process is and does. */
export const SERVER = {
  ...STREAMS,
  ...EXPORTS,
  ...WEBHOOKS,
  dataDir: variable('CAIRN_DATA', text, './data', 'The data folder.'),
  anchorDir: optional(
    'CAIRN_ANCHOR',
    folderOrS3,
    'Folder for copies of the signed checkpoints, best on another disk, or s3://bucket/prefix. Unset: beside the data folder, <data>.anchor.',
  ),
  host: variable('CAIRN_HOST', text, '127.0.0.1', 'Address to listen on.'),
  port: variable('CAIRN_PORT', whole(0, 65_535), '4600', 'Port to listen on; 0 takes a free one.'),
  workerPort: variable(
    'CAIRN_WORKER_PORT',
    whole(0, 65_535),
    '4601',
    'Port of the worker’s health and metrics, on the loopback; 0 takes a free one.',
  ),
  workerDuties: variable(
    'CAIRN_WORKER_DUTIES',
    list(z.enum(WORKER_DUTIES, `must be among ${WORKER_DUTIES.join(', ')}`)),
    WORKER_DUTIES.join(','),
    'What a worker process does, separated by commas: move projections, run jobs (sealing is one).',
  ),
  tlsCert: optional(
    'CAIRN_TLS_CERT',
    text,
    'PEM file of the certificate chain; turns TLS on, with CAIRN_TLS_KEY.',
  ),
  tlsKey: optional('CAIRN_TLS_KEY', text, 'PEM file of the private key.'),
  allowPlaintext: variable(
    'CAIRN_ALLOW_PLAINTEXT',
    yesOrNo,
    'false',
    'Listen beyond the loopback without TLS: only behind a proxy that ends it.',
  ),
  trustedProxies: variable(
    'CAIRN_TRUSTED_PROXIES',
    list(network),
    '',
    'Addresses or networks of proxies whose X-Forwarded-For is believed, separated by commas.',
  ),
  corsOrigins: variable(
    'CAIRN_CORS_ORIGINS',
    list(origin),
    '',
    'Origins whose web pages may call the API, separated by commas.',
  ),
  metricsNetworks: variable(
    'CAIRN_METRICS_NETWORKS',
    list(network),
    '127.0.0.0/8,::1',
    'Addresses or networks that may read /metrics, separated by commas.',
  ),
  logLevel: variable(
    'CAIRN_LOG_LEVEL',
    z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`),
    'info',
    'The least severe lines to log. On a terminal, unset means warn.',
  ),
  otlpEndpoint: optional(
    'CAIRN_OTLP_ENDPOINT',
    url(['http:', 'https:']),
    'OpenTelemetry collector for traces (OTLP over HTTP), such as http://127.0.0.1:4318. Unset: no traces.',
  ),
  historyDays: optional(
    'CAIRN_HISTORY_DAYS',
    whole(1, 36_500),
    'Days of events that event history keeps searchable. Unset: all that the journal keeps.',
  ),
  historyCategories: variable(
    'CAIRN_HISTORY_CATEGORIES',
    list(z.enum(CATEGORIES, `must be among ${CATEGORIES.join(', ')}`)),
    CATEGORIES.filter((category) => category !== 'NetworkActivity').join(','),
    'Categories of events in event history, separated by commas.',
  ),
  maxGraphqlBytes: variable(
    'CAIRN_MAX_GRAPHQL_BYTES',
    whole(1_024, 64 * MEGABYTE),
    String(3 * MEGABYTE),
    'Largest body of a GraphQL request, in bytes. recordEvents takes 1 MB of events, quoted as JSON.',
  ),
  maxBulkBytes: variable(
    'CAIRN_MAX_BULK_BYTES',
    whole(1_024, 1_024 * 1_024 * MEGABYTE),
    String(1_024 * MEGABYTE),
    'Largest bulk body, in bytes after decompression. It is streamed, so that this costs no memory.',
  ),
  maxQueueBytes: variable(
    'CAIRN_MAX_QUEUE_BYTES',
    whole(MEGABYTE, 4_096 * MEGABYTE),
    String(64 * MEGABYTE),
    'Events that wait for their commit, in bytes; beyond it senders are told to retry later.',
  ),
  maxConnections: variable(
    'CAIRN_MAX_CONNECTIONS',
    whole(1, 100_000),
    '2000',
    'Open connections of clients at most.',
  ),
  connectionsPerAddress: variable(
    'CAIRN_CONNECTIONS_PER_ADDRESS',
    whole(1, 100_000),
    '1000',
    'Of those, connections from one address; trusted proxies may have all.',
  ),
  requestSeconds: variable(
    'CAIRN_REQUEST_SECONDS',
    whole(1, 3_600),
    '30',
    'Seconds that a GraphQL operation may take.',
  ),
  queryCostPerMinute: variable(
    'CAIRN_QUERY_COST_PER_MINUTE',
    whole(0, 1_000_000_000),
    '200000',
    'What GraphQL requests of one API key may cost in a minute, at each process: 20 for a request, 1 for every object that its answer may hold; 0 sets no limit. A sixth of it may be used at once.',
  ),
  recordBytesPerMinute: variable(
    'CAIRN_RECORD_BYTES_PER_MINUTE',
    whole(0, 1_024 * 1_024 * MEGABYTE),
    String(128 * MEGABYTE),
    'Bytes of events, after decompression, that one API key may send in a minute, at each process; 0 sets no limit. A sixth of it may be sent at once. Imports by administrators of all accounts are free.',
  ),
  recordReads: variable(
    'CAIRN_RECORD_READS',
    yesOrNo,
    'false',
    'Record every query and subscription of a key as an event of Cairn’s own. Changes and refusals always are.',
  ),
  sealBytes: variable(
    'CAIRN_SEAL_BYTES',
    whole(65_536, 1_024 * MEGABYTE),
    String(8 * MEGABYTE),
    'Size of the journal’s tail, in bytes, that is sealed into a segment at once.',
  ),
  sealSeconds: variable(
    'CAIRN_SEAL_SECONDS',
    whole(1, 86_400),
    '60',
    'Age of the journal’s tail, in seconds, at which it is sealed into a segment.',
  ),
};
