import { setTimeout as delay } from 'node:timers/promises';
import type { FaultBed, Victim } from '#test/faults/fault-bed';

/** What happens to a service, from its beginning to the moment from which it works again. */
export interface Ordeal {
  readonly name: string;
  readonly begin: (bed: FaultBed, victim: Victim) => Promise<void>;
  readonly end: (bed: FaultBed, victim: Victim) => Promise<void>;
  /** The service cannot be reached meanwhile, so that /readyz must say so; else it only works badly. */
  readonly isAway: boolean;
}

export const ORDEALS: readonly Ordeal[] = [
  {
    name: 'is stopped in order',
    begin: ({ own }, victim) => own.stop(victim),
    end: ({ own }, victim) => own.start(victim),
    isAway: true,
  },
  {
    name: 'is killed',
    begin: ({ own }, victim) => own.signal(victim, 'SIGKILL'),
    end: ({ own }, victim) => own.start(victim),
    isAway: true,
  },
  {
    name: 'refuses connections',
    begin: ({ proxy }, victim) => proxy(victim).change('refuse'),
    end: ({ proxy }, victim) => proxy(victim).change('pass'),
    isAway: true,
  },
  {
    name: 'takes connections and says nothing',
    begin: ({ proxy }, victim) => proxy(victim).change('hang'),
    end: ({ proxy }, victim) => proxy(victim).change('pass'),
    isAway: true,
  },
  {
    name: 'is slow by half a second each way',
    begin: ({ proxy }, victim) => proxy(victim).change('slow'),
    end: ({ proxy }, victim) => proxy(victim).change('pass'),
    isAway: false,
  },
  {
    name: 'loses its connections again and again',
    begin: async ({ proxy, load }, victim) => {
      for (let cuts = 0; cuts < 5; cuts++) {
        proxy(victim).cut();
        await load.more(1);
      }
    },
    end: () => Promise.resolve(),
    isAway: false,
  },
];

/** Holds for so long, at least, and as long as `meanwhile` takes; the service is well again in any case. */
export async function endure(
  { bed, victim }: { readonly bed: FaultBed; readonly victim: Victim },
  ordeal: Ordeal,
  { holdMs, meanwhile }: { readonly holdMs: number; readonly meanwhile: () => Promise<void> },
): Promise<void> {
  try {
    await ordeal.begin(bed, victim);
    await Promise.all([delay(holdMs), meanwhile()]);
  } finally {
    await ordeal.end(bed, victim);
  }
}
