/**
 * `npm run soak -- --minutes 60 [--seed 1] [--kills 25]`: kills the platform at random under load, for as long as told,
 * and checks after every so many kills. The folder of a cycle that found something is kept.
 *
 * `npm run soak -- --services [--minutes 10] [--service redis]`: takes the real services from under it instead, at
 * random, one after the other, each for as long as told (or the one that is named), and checks after ten minutes at
 * the latest. It starts services of its own; their programs are fetched when they are not there yet.
 *
 * `npm run soak -- --fuzz [--minutes 10] [--seed 1]`: hostile inputs without end, a seed for each cycle; what is found
 * names its seed and input, and the same seed finds it again.
 */
import { parseArgs } from 'node:util';
import type { Victim } from '#test/faults/fault-bed';
import { sweepOwnServices } from '#test/own-services';
import { crashCycle, removeCycle } from '#test/soak/crash-cycle';
import { faultsOf } from '#test/soak/examine';
import { fuzzCycle } from '#test/soak/fuzz-cycle';
import { faultCycle, VICTIMS } from '#test/soak/fault-cycle';
import { allWitnesses } from '#test/witnesses/all-witnesses';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    kills: { type: 'string', default: '25' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    fuzz: { type: 'boolean', default: false },
    services: { type: 'boolean', default: false },
    service: { type: 'string' },
  },
});
const CYCLE_MINUTES = 10;
const minutes = Number(options.minutes);

let events = 0;
let seed = Number(options.seed);
if (options.services || options.service !== undefined) {
  await sweepOwnServices();
  for (const victim of victimsOf(options.service)) {
    if (process.exitCode !== undefined) break;
    say(`${victim}: ${minutes} minutes`);
    await repeat((left) => serviceCycle(victim, Math.min(left, CYCLE_MINUTES)));
  }
} else if (options.fuzz) {
  await repeat(hostileCycle);
} else {
  await repeat(killCycle);
}

/** Cycles, each with a seed of its own, until the minutes are over or one has found something. */
async function repeat(cycle: (minutesLeft: number) => Promise<Cycle>): Promise<void> {
  const end = Date.now() + minutes * 60_000;
  for (; Date.now() < end && process.exitCode === undefined; seed += 1) {
    say(`cycle with seed ${seed}`);
    const { acknowledged, faults } = await cycle((end - Date.now()) / 60_000);
    events += acknowledged;
    for (const fault of faults) say(`FAULT ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
    say(`${events} acknowledged events, ${faults.length} faults in this cycle`);
  }
}

function victimsOf(name: string | undefined): readonly Victim[] {
  const chosen = VICTIMS.filter((victim) => name === undefined || victim === name);
  if (chosen.length === 0) throw new Error(`--service is one of ${VICTIMS.join(', ')}.`);
  return chosen;
}

interface Cycle {
  readonly acknowledged: number;
  readonly faults: readonly string[];
}

async function serviceCycle(victim: Victim, cycleMinutes: number): Promise<Cycle> {
  const report = await faultCycle({ victim, minutes: cycleMinutes, seed, say });
  say(`${report.ordeals} ordeals`);
  return report;
}

async function hostileCycle(minutesLeft: number): Promise<Cycle> {
  const minutesOfCycle = Math.min(minutesLeft, CYCLE_MINUTES);
  const report = await fuzzCycle({ seed, minutes: minutesOfCycle, say });
  say(`${report.inputs} hostile inputs`);
  return { acknowledged: report.acknowledged, faults: report.findings };
}

async function killCycle(): Promise<Cycle> {
  const report = await crashCycle({
    kills: Number(options.kills),
    seed,
    say,
    witnesses: allWitnesses(),
  });
  const faults = faultsOf(report);
  if (faults.length > 0) say(`The folder is kept: ${report.dataDir}`);
  else await removeCycle(report);
  say(`${report.kills} kills`);
  return { acknowledged: report.acknowledged, faults };
}

function say(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
}
