import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '#domain/generator/random';
import { startPlatform, temporaryFolder, type Platform } from '#test/acceptance/platform';
import { examine, type Examined } from '#test/soak/examine';
import { kill, possibleVictims, type Victim } from '#test/soak/kill';
import { Load } from '#test/soak/load';
import type { Witness } from '#test/witnesses/witness';

export interface CycleOptions {
  /** Every victim has its turn before one comes again. */
  readonly kills: number;
  readonly seed: number;
  readonly say: (line: string) => void;
  /** Those who use the platform meanwhile. */
  readonly witnesses?: readonly Witness[];
}

export interface CycleReport extends Examined {
  readonly kills: number;
  /** Bodies that got no answer and were sent again. */
  readonly sentAgain: number;
  readonly dataDir: string;
}

const BODIES_BETWEEN_KILLS = 12;
const REQUEST_MS = 40;

/**
 * Kills a platform under load, again and again, and tells what became of what it had acknowledged. The caller
 * removes the folder around `dataDir`.
 */
export async function crashCycle({ kills, seed, say, witnesses = [] }: CycleOptions): Promise<CycleReport> {
  const dataDir = join(await temporaryFolder(), 'data');
  const env = {
    CAIRN_PORT: String(await freePort()),
    CAIRN_WORKER_PORT: '0',
    CAIRN_SEAL_SECONDS: '1',
    CAIRN_QUERY_COST_PER_MINUTE: '0',
    CAIRN_WEBHOOK_NETWORKS: '127.0.0.0/8',
    CAIRN_LOG_LEVEL: 'warn',
  };
  let platform = await startPlatform({ dataDir, env });
  const { apiKey, url } = platform;
  const load = new Load(() => ({ url, apiKey }), seed);
  try {
    for (const witness of witnesses) await witness.prepare?.(() => ({ url, apiKey }));
    load.start();
    for (const witness of witnesses) witness.start(() => ({ url, apiKey }));
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
    const examined = await examine(platform, load.acknowledged, { witnesses });
    return { kills, dataDir, sentAgain: load.failures, ...examined };
  } finally {
    load.abandon();
    for (const witness of witnesses) witness.abandon();
    await platform.stop();
  }
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The system gave no free port.');
  return address.port;
}
