import { isLoopback } from '#platform/http/client-address';
import { CLUSTER } from '#platform/config-cluster';
import { objectsMistakes } from '#platform/config-objects';
import { opensearchMistakes } from '#platform/config-opensearch';
import { SERVER } from '#platform/config-server';
import { SERVICES } from '#platform/config-services';
import { optional, text, url } from '#platform/variable';
import type { Values, Variable } from '#platform/variable';

const CLIENT = {
  url: optional('CAIRN_URL', url(['http:', 'https:']), 'For the commands: the platform to talk to.'),
  apiKey: optional(
    'CAIRN_API_KEY',
    text,
    'For the commands: the API key. Unset: the profile of the first start.',
  ),
};

/** What a server process is told. */
export type Config = Values<typeof SERVER & typeof SERVICES & typeof CLUSTER>;

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
  const config = readAll({ ...SERVER, ...SERVICES, ...CLUSTER }, { ...environment, ...flags }, mistakes);
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
  mistakes.push(...objectsMistakes(config), ...opensearchMistakes(config));
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
  const parts = Object.values<Variable<unknown>>({ ...SERVER, ...SERVICES, ...CLUSTER, ...CLIENT }).map(
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
  const known = new Set(
    Object.values({ ...SERVER, ...SERVICES, ...CLUSTER, ...CLIENT }).map((one) => one.name),
  );
  const unknown = Object.keys(environment).filter((name) => name.startsWith('CAIRN_') && !known.has(name));
  return unknown.map((name) => `${name} is not a variable of Cairn.`);
}
