import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '#domain/generator/random';
import { startFaultBed, type FaultBed, type Victim } from '#test/faults/fault-bed';
import { endure, ORDEALS } from '#test/faults/ordeals';
import { faultsOf } from '#test/soak/examine';
import { allWitnesses } from '#test/witnesses/all-witnesses';

export interface FaultCycleOptions {
  /** The one that suffers every time. */
  readonly victim: Victim;
  readonly minutes: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface FaultCycleReport {
  readonly ordeals: number;
  readonly acknowledged: number;
  /** Nothing when all is as it must be, else what is wrong, a line each. */
  readonly faults: readonly string[];
}

export const VICTIMS: readonly Victim[] = ['postgres', 'redis', 'opensearch', 's3'];
const LONGEST_MS = 20_000;
const QUIET_MS = 10_000;
const PAUSE_MS = 2_000;
const MEMORY_MB = 800;

/**
 * A platform with every service real and of its own, under load for so many minutes, while one of them suffers again
 * and again, at random and for up to twenty seconds; sometimes another one with it.
 */
export async function faultCycle({
  victim,
  minutes,
  seed,
  say,
}: FaultCycleOptions): Promise<FaultCycleReport> {
  const random = new Random(seed);
  await using bed = await startFaultBed(VICTIMS, {
    seed,
    pauseMs: PAUSE_MS,
    witnesses: allWitnesses(),
  });
  await bed.load.more(5);
  await bed.recovered();
  const end = Date.now() + minutes * 60_000;
  let ordeals = 0;
  do {
    const others = VICTIMS.filter((other) => other !== victim);
    const victims = random.below(4) === 0 ? [victim, pick(random, others)] : [victim];
    await Promise.all(victims.map((one) => suffer({ bed, victim: one, random, say })));
    ordeals += victims.length;
    await bed.recovered();
    await bed.load.more(1 + random.below(5));
    await delay(random.below(QUIET_MS));
  } while (Date.now() < end);
  const peak = bed.peakMegabytes();
  say(`examining; the largest process had ${Math.round(peak)} MB`);
  const examined = await bed.examine();
  const impatient = [...bed.load.refusals.keys()].filter((kind) => !['429', '503'].includes(kind));
  return {
    ordeals,
    acknowledged: examined.acknowledged,
    faults: [
      ...faultsOf(examined),
      ...impatient.map((kind) => `answers with ${kind}`),
      ...(peak < MEMORY_MB ? [] : [`a process of ${Math.round(peak)} MB`]),
    ],
  };
}

interface Suffering {
  readonly bed: FaultBed;
  readonly victim: Victim;
  readonly random: Random;
  readonly say: (line: string) => void;
}

async function suffer({ bed, victim, random, say }: Suffering): Promise<void> {
  const ordeal = pick(random, ORDEALS);
  const holdMs = 1_000 + random.below(LONGEST_MS);
  say(`${victim} ${ordeal.name}, ${Math.round(holdMs / 1_000)} s`);
  await endure({ bed, victim }, ordeal, { holdMs, meanwhile: () => Promise.resolve() });
}

function pick<T>(random: Random, all: readonly T[]): T {
  const one = all[random.below(all.length)];
  if (one === undefined) throw new RangeError('Nothing to pick from.');
  return one;
}
