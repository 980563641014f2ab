import { isIP } from 'node:net';
import { z } from 'zod';

import { isLoopback } from '#platform/http/client-address';

/** One variable of the environment: how its text is read, and what people are told about it. */
interface Variable<T> {
  readonly name: string;
  readonly description: string;
  /** The text that stands for an unset variable; undefined = there is none, the value is optional. */
  readonly fallback: string | undefined;
  readonly schema: z.ZodType<T, string>;
}

function variable<T>(
  name: string,
  schema: z.ZodType<T, string>,
  fallback: string,
  description: string,
): Variable<T> {
  return { name, schema, fallback, description };
}

function optional<T>(
  name: string,
  schema: z.ZodType<T, string>,
  description: string,
): Variable<T | undefined> {
  return { name, schema, fallback: undefined, description };
}

const text = z.string().min(1, 'must not be empty');
const yesOrNo = z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true');

function whole(min: number, max: number): z.ZodType<number, string> {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

function list<T>(item: z.ZodType<T, string>): z.ZodType<readonly T[], string> {
  return z
    .string()
    .transform((value) => value.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()])))
    .pipe(z.array(item));
}

function url(protocols: readonly string[]): z.ZodType<string, string> {
  return z.string().refine(
    (value) => {
      return URL.canParse(value) && protocols.includes(new URL(value).protocol);
    },
    `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  );
}

/** `*`, or an origin as browsers send it: no path, no trailing slash. */
const origin = z
  .string()
  .refine(
    (value) => value === '*' || (URL.canParse(value) && new URL(value).origin === value),
    'must be origins such as https://console.example.com',
  );

const network = z.string().refine((value) => {
  const [address = '', bits, ...rest] = value.split('/');
  const family = isIP(address);
  const width = bits === undefined ? 0 : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  return family !== 0 && rest.length === 0 && width <= (family === 4 ? 32 : 128);
}, 'must be addresses or networks such as 10.0.0.0/8');

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

const SERVER = {
  dataDir: variable('CAIRN_DATA', text, './data', 'The data folder.'),
  anchorDir: optional(
    'CAIRN_ANCHOR',
    text,
    'Folder for copies of the signed checkpoints, best on another disk. Unset: beside the data folder, <data>.anchor.',
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
  requestSeconds: variable(
    'CAIRN_REQUEST_SECONDS',
    whole(1, 3_600),
    '30',
    'Seconds that a GraphQL operation may take.',
  ),
  requestsPerMinute: variable(
    'CAIRN_REQUESTS_PER_MINUTE',
    whole(0, 1_000_000),
    '6000',
    'GraphQL requests per API key and minute; 0 sets no limit. Bulk bodies are bounded by their number instead.',
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

const CLIENT = {
  url: optional('CAIRN_URL', url(['http:', 'https:']), 'For the commands: the platform to talk to.'),
  apiKey: optional(
    'CAIRN_API_KEY',
    text,
    'For the commands: the API key. Unset: the profile of the first start.',
  ),
};

type Values<T> = { readonly [K in keyof T]: T[K] extends Variable<infer V> ? V : never };

/** What a server process is told. */
export type Config = Values<typeof SERVER>;

/** What a command is told, with what it must know of its surroundings. */
export interface ClientConfig extends Values<typeof CLIENT> {
  /** Folder of the CLI's profile. */
  readonly profileDir: string;
  /** False when NO_COLOR is set (no-color.org). */
  readonly color: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Every mistake at once, a line each, naming the variable. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(`The configuration has mistakes:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`);
    this.name = 'ConfigError';
    this.mistakes = mistakes;
  }
}

/** `flags` are variables by another door (the command line); they win. @throws ConfigError */
export function loadConfig(environment: Environment = process.env, flags: Environment = {}): Config {
  const mistakes = unknownNames(environment);
  const config = readAll(SERVER, { ...environment, ...flags }, mistakes);
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    mistakes.push('CAIRN_TLS_CERT and CAIRN_TLS_KEY must be set together.');
  }
  // A host that is wrong in itself is told above. The server refuses, too, but only after a first start has made
  // a data folder and a key.
  if (config.host !== undefined && !isLoopback(config.host) && !config.tlsCert && !config.allowPlaintext) {
    mistakes.push(
      `CAIRN_HOST ${config.host} is beyond the loopback, where API keys would travel in the clear: set CAIRN_TLS_CERT and CAIRN_TLS_KEY, or CAIRN_ALLOW_PLAINTEXT=true behind a proxy that ends TLS.`,
    );
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return config;
}

/** @throws ConfigError */
export function loadClientConfig(environment: Environment = process.env): ClientConfig {
  const mistakes: string[] = [];
  const config = readAll(CLIENT, environment, mistakes);
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  const home = environment['XDG_CONFIG_HOME'] ?? `${environment['HOME'] ?? '.'}/.config`;
  return { ...config, profileDir: `${home}/cairn`, color: (environment['NO_COLOR'] ?? '') === '' };
}

/** The environment of a child process: ours, with changes. */
export function childEnvironment(changes: Environment, environment: Environment = process.env): Environment {
  return { ...environment, ...changes };
}

/** The text of .env.example. */
export function renderEnvExample(): string {
  const parts = Object.values<Variable<unknown>>({ ...SERVER, ...CLIENT }).map(
    ({ name, description, fallback }) => `# ${description}\n# ${name}=${fallback ?? ''}\n`,
  );
  return [
    '# Generated from platform/config.ts: npm run env-example. Every line shows the default.\n',
    ...parts,
  ].join('\n');
}

function readAll<T extends Record<string, Variable<unknown>>>(
  variables: T,
  environment: Environment,
  mistakes: string[],
): Values<T> {
  const entries = Object.entries(variables).map(([key, { name, schema, fallback }]) => {
    const given = environment[name];
    // Compose files and `export X=` leave empty variables behind: they mean unset.
    const value = given === undefined || given === '' ? fallback : given;
    if (value === undefined) return [key, undefined];
    const parsed = schema.safeParse(value);
    if (!parsed.success) mistakes.push(`${name} ${parsed.error.issues[0]?.message ?? 'is wrong'}.`);
    return [key, parsed.data];
  });
  return Object.fromEntries(entries);
}

function unknownNames(environment: Environment): string[] {
  const known = new Set(Object.values({ ...SERVER, ...CLIENT }).map((one) => one.name));
  const unknown = Object.keys(environment).filter((name) => name.startsWith('CAIRN_') && !known.has(name));
  return unknown.map((name) => `${name} is not a variable of Cairn.`);
}
