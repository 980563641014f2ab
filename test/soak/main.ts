/**
 * `npm run soak -- --minutes 60 [--seed 1] [--kills 25]`: kills the platform at random under load, for as long as told,
 * and checks after every so many kills. The folder of a cycle that found something is kept.
 */
import { parseArgs } from 'node:util';
import { crashCycle, removeCycle, type CycleReport } from '#test/soak/crash-cycle';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    kills: { type: 'string', default: '25' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
  },
});
const end = Date.now() + Number(options.minutes) * 60_000;
const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
};

let kills = 0;
let events = 0;
for (let seed = Number(options.seed); Date.now() < end && process.exitCode === undefined; seed += 1) {
  say(`cycle with seed ${seed}`);
  const report = await crashCycle({ kills: Number(options.kills), seed, say });
  kills += report.kills;
  events += report.acknowledged;
  const faults = faultsOf(report);
  for (const fault of faults) say(`FAULT ${fault}`);
  if (faults.length > 0) {
    say(`The folder is kept: ${report.dataDir}`);
    process.exitCode = 1;
  } else await removeCycle(report);
  say(`${kills} kills, ${events} acknowledged events, ${faults.length} faults in this cycle`);
}

function faultsOf({ lost, twice, altered, unknown, counters, position, acknowledged, verify }: CycleReport) {
  const { received, accepted, duplicate, conflict, refused } = counters;
  const list = (what: string, ids: readonly string[]): string[] =>
    ids.length === 0 ? [] : [`${ids.length} events ${what}: ${ids.slice(0, 5).join(' ')}`];
  const wrong = (is: boolean, what: string): string[] => (is ? [what] : []);
  return [
    ...list('lost', lost),
    ...list('there twice', twice),
    ...list('with other bytes', altered),
    ...list('that nobody sent', unknown),
    ...wrong(
      received !== accepted + duplicate + conflict + refused || accepted !== acknowledged,
      `counters ${JSON.stringify(counters)} for ${acknowledged} events`,
    ),
    ...wrong(position !== acknowledged, `position ${position} for ${acknowledged} events`),
    ...wrong(verify.code !== 0, `verify: ${verify.text.slice(-2_000)}`),
  ];
}
