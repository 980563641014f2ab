import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cairn, runCairn, temporaryFolder } from '#test/acceptance/platform';
import { serviceVariables } from '#test/acceptance/real-services';
import { startTestPostgres, type TestPostgres } from '#test/harness';

type Environment = Readonly<Record<string, string>>;

/** Which processes there are, by name, and what each is. */
export const MEMBERS = {
  'events-1': 'events',
  'events-2': 'events',
  organization: 'organization',
  others: 'trails,lake,insights',
  'worker-1': 'worker',
  'worker-2': 'worker',
  gateway: 'gateway',
} as const;
export type MemberName = keyof typeof MEMBERS;
export const MEMBER_NAMES = Object.keys(MEMBERS) as MemberName[];

/** Each process once, so that one of every pair is always there. */
export const WAVES: readonly (readonly MemberName[])[] = [
  ['events-1', 'worker-1'],
  ['events-2', 'worker-2'],
  ['organization', 'others'],
  ['gateway'],
];

/** One process of a cluster; begun again it answers at the same address. */
export class Member {
  readonly url: string;
  readonly #name: MemberName;
  readonly #env: Environment;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(name: MemberName, port: number, env: Environment) {
    this.#name = name;
    this.url = `http://127.0.0.1:${port}`;
    this.#env = { ...env, CAIRN_PORT: String(port) };
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    this.#output = '';
    const child = runCairn(['start', '--role', MEMBERS[this.#name]], this.#env);
    this.#child = child;
    const hear = (chunk: Buffer): void => {
      this.#output += chunk.toString();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    while (!this.#output.includes('is ready at')) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${this.#name} ended with ${child.exitCode ?? child.signalCode}:\n${this.#output}`);
      }
      await delay(20);
    }
  }

  /** Resolves when /readyz says so. */
  async ready(): Promise<void> {
    while ((await fetch(`${this.url}/readyz`)).status !== 200) await delay(20);
  }

  /** Resolves with the exit code, or null where the signal was the end. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
    return child.exitCode;
  }

  get output(): string {
    return this.#output;
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`${this.#name} has no ${name}.`);
    return Number(value);
  }
}

/** Processes of every role on one machine, on one PostgreSQL and one data folder, or on the real services. */
export class Cluster implements AsyncDisposable {
  readonly members: Readonly<Record<MemberName, Member>>;
  readonly apiKey: string;
  readonly dataDir: string;
  readonly env: Environment;
  readonly #postgres: TestPostgres | undefined;

  private constructor(parts: {
    readonly members: Readonly<Record<MemberName, Member>>;
    readonly apiKey: string;
    readonly dataDir: string;
    readonly env: Environment;
    readonly postgres: TestPostgres | undefined;
  }) {
    this.members = parts.members;
    this.apiKey = parts.apiKey;
    this.dataDir = parts.dataDir;
    this.env = parts.env;
    this.#postgres = parts.postgres;
  }

  static async start(): Promise<Cluster> {
    const dataDir = join(await temporaryFolder(), 'data');
    const services = await serviceVariables(dataDir);
    const postgres =
      services['CAIRN_POSTGRES_URL'] === undefined
        ? await startTestPostgres({ max_connections: '300' })
        : undefined;
    const env = {
      ...services,
      ...(postgres === undefined ? {} : { CAIRN_POSTGRES_URL: postgres.url }),
      CAIRN_DATA: dataDir,
      CAIRN_SEAL_SECONDS: '1',
      CAIRN_DRAIN_SECONDS: '1',
      CAIRN_QUERY_COST_PER_MINUTE: '0',
      CAIRN_POSTGRES_CONNECTIONS: '10',
      CAIRN_LOG_LEVEL: 'warn',
    };
    // From several machines at once: one makes the key, and the others see that it is made.
    const prepared = await Promise.all([1, 2].map(() => cairn(['prepare'], env)));
    const keys = prepared.flatMap(({ stdout }) => /cairn_[A-Za-z0-9]+_[A-Za-z0-9-]+/.exec(stdout)?.[0] ?? []);
    const [apiKey] = keys;
    if (apiKey === undefined || keys.length > 1 || prepared.some(({ code }) => code !== 0)) {
      throw new Error(`Preparing did not give one key: ${JSON.stringify(prepared)}`);
    }
    const members = await membersOf(env);
    const cluster = new Cluster({ members, apiKey, dataDir, env, postgres });
    try {
      await cluster.begin(MEMBER_NAMES);
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** Together; resolves when all are ready, the event subgraphs as soon as a worker has made history. */
  async begin(names: readonly MemberName[]): Promise<void> {
    await Promise.all(names.map((name) => this.members[name].start()));
    for (const name of names) await this.members[name].ready();
  }

  /** Where clients go. */
  get url(): string {
    return this.members.gateway.url;
  }

  async stop(): Promise<void> {
    await Promise.all(MEMBER_NAMES.map((name) => this.members[name].end('SIGTERM')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(MEMBER_NAMES.map((name) => this.members[name].end('SIGKILL')));
    await this.#postgres?.stop();
    await rm(join(this.dataDir, '..'), { recursive: true, force: true });
  }
}

async function membersOf(env: Environment): Promise<Readonly<Record<MemberName, Member>>> {
  const ports = await freePorts(MEMBER_NAMES.length);
  const places = new Map(MEMBER_NAMES.map((name, index) => [name, ports[index] ?? 0]));
  const at = (name: MemberName): string => `http://127.0.0.1:${places.get(name)}`;
  const subgraphs = [
    `events=${at('events-1')}|${at('events-2')}`,
    `organization=${at('organization')}`,
    ...['trails', 'lake', 'insights'].map((name) => `${name}=${at('others')}`),
  ];
  const all = { ...env, CAIRN_SUBGRAPHS: subgraphs.join(',') };
  const entries = MEMBER_NAMES.map((name) => [name, new Member(name, places.get(name) ?? 0, all)] as const);
  return Object.fromEntries(entries) as Record<MemberName, Member>;
}

/** Held together while they are looked for, so that no two are the same. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports: number[] = [];
  for (const server of servers) {
    if (!server.listening) await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The system gave no free port.');
    ports.push(address.port);
  }
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}
