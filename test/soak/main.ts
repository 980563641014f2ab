/**
 * `npm run soak -- --minutes 60 [--seed 1] [--kills 25]`: kills the platform at random under load, for as long as told,
 * and checks after every so many kills. The folder of a cycle that found something is kept.
 *
 * `npm run soak -- --services --minutes 10`: takes the real services from under it instead, at random, and checks
 * every ten minutes. Their programs are found through TEST_SERVICES, the services.json of infra/local.
 */
import { parseArgs } from 'node:util';
import { crashCycle, removeCycle } from '#test/soak/crash-cycle';
import { faultsOf } from '#test/soak/examine';
import { faultCycle } from '#test/soak/fault-cycle';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    kills: { type: 'string', default: '25' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    services: { type: 'boolean', default: false },
  },
});
const CYCLE_MINUTES = 10;
const minutes = Number(options.minutes);
const end = Date.now() + minutes * 60_000;

let events = 0;
for (let seed = Number(options.seed); Date.now() < end && process.exitCode === undefined; seed += 1) {
  say(`cycle with seed ${seed}`);
  const { acknowledged, faults } = options.services ? await serviceCycle(seed) : await killCycle(seed);
  events += acknowledged;
  for (const fault of faults) say(`FAULT ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  say(`${events} acknowledged events, ${faults.length} faults in this cycle`);
}

interface Cycle {
  readonly acknowledged: number;
  readonly faults: readonly string[];
}

async function serviceCycle(seed: number): Promise<Cycle> {
  const report = await faultCycle({ minutes: Math.min(minutes, CYCLE_MINUTES), seed, say });
  say(`${report.ordeals} ordeals`);
  return report;
}

async function killCycle(seed: number): Promise<Cycle> {
  const report = await crashCycle({ kills: Number(options.kills), seed, say });
  const faults = faultsOf(report);
  if (faults.length > 0) say(`The folder is kept: ${report.dataDir}`);
  else await removeCycle(report);
  say(`${report.kills} kills`);
  return { acknowledged: report.acknowledged, faults };
}

function say(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
}
