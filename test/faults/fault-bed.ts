import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startPlatform, temporaryFolder, type Platform } from '#test/acceptance/platform';
import { costOfTree } from '#test/bench/process-cost';
import { startFaultProxy, type FaultProxy } from '#test/faults/fault-proxy';
import { startOwnServices, type OwnServices } from '#test/own-services';
import type { Services } from '#test/services';
import { examine, type Examined } from '#test/soak/examine';
import { Load } from '#test/soak/load';
import type { Witness } from '#test/witnesses/witness';

/** The services that can be taken from under a platform. */
export type Victim = 'postgres' | 'redis' | 'opensearch' | 's3';

/** A platform under load, some of whose services are its own and stand behind proxies; the others are embedded. */
export interface FaultBed extends AsyncDisposable {
  readonly platform: Platform;
  readonly load: Load;
  readonly own: OwnServices;
  readonly proxy: (victim: Victim) => FaultProxy;
  /** What /readyz of the api says of itself and of its parts. */
  readiness(): Promise<Readiness>;
  /** Resolves when it is ready again, with all parts at work. */
  recovered(): Promise<void>;
  /** The greatest resident memory of any of its processes so far, MB. */
  peakMegabytes(): number;
  /** Ends the load, waits until all has caught up, and tells what became of what was acknowledged. */
  examine(): Promise<Examined>;
}

export interface Readiness {
  /** 0 = no answer in time. */
  readonly code: number;
  readonly status: string;
  readonly checks: Readonly<Record<string, string>>;
}

interface BedOptions {
  readonly seed: number;
  /** Milliseconds that each of three senders pauses between bodies of 100 events; 500 unless told. */
  readonly pauseMs?: number;
  /** Those who use the platform meanwhile. */
  readonly witnesses?: readonly Witness[];
}

const READY_MS = 10_000;
const BUCKET = 'faults';
/** An empty variable is an unset one: nothing but the victims is real. */
export const EMBEDDED = {
  CAIRN_POSTGRES_URL: '',
  CAIRN_REDIS_URL: '',
  CAIRN_OPENSEARCH_URL: '',
  CAIRN_S3_BUCKET: '',
  CAIRN_S3_ENDPOINT: '',
  CAIRN_S3_REGION: '',
  CAIRN_S3_PATH_STYLE: '',
};
const SETTINGS = {
  CAIRN_SEAL_SECONDS: '1',
  CAIRN_QUERY_COST_PER_MINUTE: '0',
  CAIRN_WEBHOOK_NETWORKS: '127.0.0.0/8',
  CAIRN_LOG_LEVEL: 'warn',
  // By itself V8 takes more on larger machines before it tidies up, and no bound on memory would mean the same.
  NODE_OPTIONS: '--max-old-space-size=512',
};

export async function startFaultBed(
  victims: readonly Victim[],
  { seed, pauseMs = 500, witnesses = [] }: BedOptions,
): Promise<FaultBed> {
  const open = new AsyncDisposableStack();
  try {
    const own = open.use(await startOwnServices(victims));
    const proxies = new Map<Victim, FaultProxy>();
    for (const victim of victims) {
      const { hostname, port } = addressOf(victim, own.addresses);
      proxies.set(victim, open.use(await startFaultProxy({ host: hostname, port: Number(port) })));
    }
    const proxy = (victim: Victim): FaultProxy => proxies.get(victim) ?? missing(victim);
    if (victims.includes('s3')) await createBucket(own.addresses);
    const env = Object.assign(
      { ...EMBEDDED, ...SETTINGS },
      ...victims.map((victim) => variablesOf(victim, own.addresses, proxy(victim).port)),
    ) as Record<string, string>;
    const folder = await temporaryFolder();
    open.defer(() => rm(folder, { recursive: true, force: true }));
    const platform = await startPlatform({ dataDir: join(folder, 'data'), env });
    open.defer(async () => void (await platform.stop()));
    const load = new Load(() => platform, seed, pauseMs);
    open.defer(() => witnesses.forEach((witness) => witness.abandon()));
    for (const witness of witnesses) await witness.prepare?.(() => platform);
    open.defer(() => load.abandon());
    load.start();
    for (const witness of witnesses) witness.start(() => platform);
    return {
      platform,
      load,
      own,
      proxy,
      readiness: () => askReadiness(platform),
      recovered: async () => {
        while ((await askReadiness(platform)).status !== 'ready') await delay(50);
      },
      peakMegabytes: () =>
        Math.max(...costOfTree(platform.process.pid ?? 0).map(({ peakMegabytes }) => peakMegabytes)),
      examine: async () => {
        await load.stop();
        return examine(platform, load.acknowledged, { env, witnesses });
      },
      [Symbol.asyncDispose]: () => open.disposeAsync(),
    };
  } catch (error) {
    await open.disposeAsync();
    throw error;
  }
}

function missing(victim: Victim): never {
  throw new Error(`The bed has no ${victim} of its own.`);
}

export async function askReadiness({ url }: Platform): Promise<Readiness> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(READY_MS) });
    return { code: response.status, ...((await response.json()) as Omit<Readiness, 'code'>) };
  } catch {
    return { code: 0, status: 'no answer', checks: {} };
  }
}

function addressOf(victim: Victim, { postgresUrl, redisUrl, opensearchUrl, s3 }: Partial<Services>): URL {
  const urls = { postgres: postgresUrl, redis: redisUrl, opensearch: opensearchUrl, s3: s3?.endpoint };
  return new URL(urls[victim] ?? '');
}

function variablesOf(victim: Victim, addresses: Partial<Services>, port: number): Record<string, string> {
  const url = addressOf(victim, addresses);
  url.port = String(port);
  switch (victim) {
    case 'postgres':
      return { CAIRN_POSTGRES_URL: url.href };
    case 'redis':
      return { CAIRN_REDIS_URL: url.href };
    case 'opensearch':
      return { CAIRN_OPENSEARCH_URL: url.origin };
    case 's3':
      return {
        CAIRN_S3_ENDPOINT: url.origin,
        CAIRN_S3_BUCKET: BUCKET,
        AWS_ACCESS_KEY_ID: addresses.s3?.accessKeyId ?? '',
        AWS_SECRET_ACCESS_KEY: addresses.s3?.secretAccessKey ?? '',
      };
  }
}

async function createBucket({ s3 }: Partial<Services>): Promise<void> {
  if (s3 === undefined) throw new Error('There is no S3.');
  const { endpoint, region, ...credentials } = s3;
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  try {
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  } finally {
    client.destroy();
  }
}
