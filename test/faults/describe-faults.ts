import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { startFaultBed } from '#test/faults/fault-bed';
import type { FaultBed, Victim } from '#test/faults/fault-bed';
import { endure, ORDEALS } from '#test/faults/ordeals';
import { faultsOf, metric } from '#test/soak/examine';
import { allWitnesses } from '#test/witnesses/all-witnesses';

export interface Expected {
  /** The part's name in /readyz. */
  readonly check: string;
  /** Without it events are taken all the same. */
  readonly isIntakeSpared: boolean;
  /** What /readyz says while it is away. */
  readonly readiness: { readonly code: number; readonly status: string };
  /** Milliseconds that each of three senders pauses between bodies of 100 events; more where starting takes long. */
  readonly pauseMs?: number;
}

/** The short ones, as tests; the long and random ones are `npm run soak -- --services`. */
const HOLD_MS = 10_000;
/** OpenSearch needs half a minute to start on a busy machine, more than once in one ordeal. */
const PATIENCE_MS = 300_000;
/**
 * The api's and the worker's heaps peak below 400 MB under full load, and the bed holds them at 512 on any machine;
 * what is kept for a service that is away is bounded.
 */
const MEMORY_MB = 800;

/** What a platform must stand when a service is taken from under it, with events coming in. */
export function describeFaults(
  victim: Victim,
  { check, isIntakeSpared, readiness, pauseMs = 500 }: Expected,
): void {
  describe(`a platform under load whose ${victim}`, () => {
    let bed: FaultBed;

    beforeAll(async () => {
      bed = await startFaultBed([victim], { seed: 5, pauseMs, witnesses: allWitnesses() });
      await bed.load.more(5);
    }, PATIENCE_MS);
    afterAll(() => bed[Symbol.asyncDispose](), PATIENCE_MS);

    const saysSo = async (): Promise<void> => {
      for (;;) {
        const { code, status, checks } = await bed.readiness();
        if (code === readiness.code && status === readiness.status && checks[check] === 'failing') break;
        await delay(50);
      }
      expect(await metric(bed.platform, 'cairn_check_ok', { check })).toBe(0);
    };

    for (const ordeal of ORDEALS) {
      it(`${ordeal.name} says so and catches up`, { timeout: PATIENCE_MS }, async () => {
        await endure({ bed, victim }, ordeal, {
          holdMs: HOLD_MS,
          meanwhile: async () => {
            if (ordeal.isAway) await saysSo();
            if (isIntakeSpared || !ordeal.isAway) await bed.load.more(3);
            else await bed.load.putOff(1);
          },
        });
        await bed.recovered();
        await bed.load.more(3);
      });
    }

    it(
      'loses nothing, repeats nothing, asks for patience only, and keeps its memory bounded',
      { timeout: PATIENCE_MS },
      async () => {
        const peak = bed.peakMegabytes();
        const examined = await bed.examine();
        expect(faultsOf(examined)).toEqual([]);
        expect(examined.acknowledged).toBeGreaterThan(1_000);
        const unasked = [...bed.load.refusals.keys()].filter((kind) => !['429', '503'].includes(kind));
        expect(unasked).toEqual([]);
        expect(peak).toBeLessThan(MEMORY_MB);
      },
    );
  });
}
