import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '#domain/generator/random';
import { graphql, settled } from '#test/acceptance/client';
import { cairn, startPlatform, temporaryFolder, type Platform } from '#test/acceptance/platform';
import { kill, possibleVictims, type Victim } from '#test/soak/kill';
import { Load } from '#test/soak/load';

export interface CycleOptions {
  /** Every victim has its turn before one comes again. */
  readonly kills: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface CycleReport {
  readonly kills: number;
  readonly acknowledged: number;
  /** Bodies that got no answer and were sent again. */
  readonly sentAgain: number;
  /** eventIDs that were acknowledged and are not found, or more than once, or with other bytes. */
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  readonly altered: readonly string[];
  /** Found without ever having been acknowledged. */
  readonly unknown: readonly string[];
  /** Over all sources. */
  readonly counters: Readonly<Record<(typeof COUNTERS)[number], number>>;
  readonly position: number;
  readonly verify: { readonly code: number | null; readonly text: string };
  readonly dataDir: string;
}

const COUNTERS = ['received', 'accepted', 'duplicate', 'conflict', 'refused'] as const;
const BODIES_BETWEEN_KILLS = 12;
const REQUEST_MS = 40;

/**
 * Kills a platform under load, again and again, and tells what became of what it had acknowledged. The caller
 * removes the folder around `dataDir`.
 */
export async function crashCycle({ kills, seed, say }: CycleOptions): Promise<CycleReport> {
  const dataDir = join(await temporaryFolder(), 'data');
  const env = {
    CAIRN_PORT: String(await freePort()),
    CAIRN_SEAL_SECONDS: '1',
    CAIRN_REQUESTS_PER_MINUTE: '0',
    CAIRN_LOG_LEVEL: 'warn',
  };
  let platform = await startPlatform({ dataDir, env });
  const { apiKey, url } = platform;
  const load = new Load(() => ({ url, apiKey }), seed);
  try {
    load.start();
    for (const [index, victim] of victims(kills, seed).entries()) {
      const random = new Random(seed + index);
      await load.more(1 + random.below(BODIES_BETWEEN_KILLS));
      // Somewhere within a request, not always right behind an answer.
      await delay(random.below(REQUEST_MS));
      const started = performance.now();
      platform = await killAndMend(platform, victim, { dataDir, apiKey, env });
      await load.more(4);
      say(
        `${index + 1}/${kills}: killed ${victim}, works again after ${Math.round(performance.now() - started)} ms`,
      );
    }
    await load.stop();
    return { kills, dataDir, sentAgain: load.failures, ...(await examine(platform, load.acknowledged)) };
  } finally {
    load.abandon();
    await platform.stop();
  }
}

type Examined = Omit<CycleReport, 'kills' | 'dataDir' | 'sentAgain'>;

/** Stops the platform, too: verify reads a folder at rest. */
async function examine(platform: Platform, acknowledged: ReadonlyMap<string, string>): Promise<Examined> {
  const found = await readAll(platform);
  const counters = await readCounters(platform);
  await sealed(platform);
  const position = await metric(platform, 'cairn_journal_position');
  await platform.stop();
  const { code, stdout, stderr } = await cairn(['verify', '--data', platform.dataDir]);
  return {
    acknowledged: acknowledged.size,
    ...compare(acknowledged, found),
    counters,
    position,
    verify: { code, text: stdout + stderr },
  };
}

/** Removes what a cycle left on the disk. */
export async function removeCycle({ dataDir }: Pick<CycleReport, 'dataDir'>): Promise<void> {
  await rm(join(dataDir, '..'), { recursive: true, force: true });
}

function victims(kills: number, seed: number): Victim[] {
  const random = new Random(seed);
  const order: Victim[] = [];
  while (order.length < kills) {
    const left = [...possibleVictims()];
    while (left.length > 0) order.push(...left.splice(random.below(left.length), 1));
  }
  return order.slice(0, kills);
}

interface Again {
  readonly dataDir: string;
  readonly apiKey: string;
  readonly env: Readonly<Record<string, string>>;
}

async function killAndMend(platform: Platform, victim: Victim, again: Again): Promise<Platform> {
  const gone = once(platform.process, 'exit');
  await kill(platform, victim);
  if (victim !== 'supervisor' && victim !== 'all') return platform;
  await gone;
  return startPlatform(again);
}

interface Found {
  readonly eventId: string;
  readonly raw: string;
}

async function readAll(platform: Platform): Promise<Found[]> {
  await settled(platform);
  const found: Found[] = [];
  let after: string | null = null;
  do {
    const { events }: EventsPage = await graphql<EventsPage>(platform, PAGE, { after });
    found.push(...events.edges.map(({ node }) => node));
    after = events.pageInfo.hasNextPage ? events.pageInfo.endCursor : null;
  } while (after !== null);
  return found;
}

function compare(acknowledged: ReadonlyMap<string, string>, found: readonly Found[]) {
  const times = new Map<string, number>();
  for (const { eventId } of found) times.set(eventId, (times.get(eventId) ?? 0) + 1);
  return {
    lost: [...acknowledged.keys()].filter((id) => !times.has(id)),
    twice: [...times].filter(([, count]) => count > 1).map(([id]) => id),
    altered: found
      .filter(({ eventId, raw }) => acknowledged.has(eventId) && acknowledged.get(eventId) !== raw)
      .map(({ eventId }) => eventId),
    unknown: [...times.keys()].filter((id) => !acknowledged.has(id)),
  };
}

async function readCounters(platform: Platform): Promise<CycleReport['counters']> {
  const { sourceCounters } = await graphql<{ sourceCounters: readonly Record<string, string | number>[] }>(
    platform,
    `{ sourceCounters { ${COUNTERS.join(' ')} } }`,
  );
  const sum = (name: string): number =>
    sourceCounters.reduce((total, counters) => total + Number(counters[name]), 0);
  const [received, accepted, duplicate, conflict, refused] = COUNTERS.map(sum);
  return {
    received: received ?? 0,
    accepted: accepted ?? 0,
    duplicate: duplicate ?? 0,
    conflict: conflict ?? 0,
    refused: refused ?? 0,
  };
}

/** Waits until the tail is empty. */
export async function sealed(platform: Pick<Platform, 'url'>): Promise<void> {
  while ((await metric(platform, 'cairn_journal_tail_batches')) > 0) await delay(100);
}

export async function metric({ url }: Pick<Platform, 'url'>, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`/metrics has no ${name}.`);
  return Number(value);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The system gave no free port.');
  return address.port;
}

interface EventsPage {
  readonly events: {
    readonly edges: readonly { readonly node: Found }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

const PAGE = `query ($after: String) {
  events(first: 200, after: $after) { edges { node { eventId raw } } pageInfo { hasNextPage endCursor } }
}`;
