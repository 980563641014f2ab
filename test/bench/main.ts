/**
 * `npm run bench`: how fast Cairn records and finds, what it needs, and what the obvious alternatives need.
 * `-- --quick` takes a tenth of the events, `--services` adds the real services beside what is embedded, `--write`
 * puts the report into docs/benchmarks.md.
 */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { locateBinaries } from '#platform/postgres/binaries';
import { benchFairness } from '#test/bench/fairness';
import { benchExportMemory } from '#test/bench/export-memory';
import { renderFairness } from '#test/bench/fairness-report';
import { benchIngest } from '#test/bench/ingest';
import { benchLive } from '#test/bench/live';
import { benchMillion } from '#test/bench/million';
import { renderReport } from '#test/bench/report';
import { renderServices } from '#test/bench/services/report';
import { benchServices } from '#test/bench/services/services';

const REPORT = new URL('../../docs/benchmarks.md', import.meta.url);

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    services: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
  },
});
const part = options.quick ? 10 : 1;
const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const ingestSize = { rounds: Number(options.rounds), events: 200_000 / part, say };
const liveSize = { seconds: options.quick ? 5 : 30, say };
const fairnessSize = { rounds: Number(options.rounds), seconds: options.quick ? 5 : 15, say };
const memorySize = { events: 400_000 / part, say };
const millionSize = { events: 1_000_000 / part, say };
if (options.only === 'ingest') {
  process.stdout.write(`${JSON.stringify(await benchIngest(ingestSize), null, 2)}\n`);
} else if (options.only === 'million') {
  process.stdout.write(`${JSON.stringify(await benchMillion(millionSize), null, 2)}\n`);
} else if (options.only === 'live') {
  process.stdout.write(`${JSON.stringify(await benchLive(liveSize), null, 2)}\n`);
} else if (options.only === 'fairness') {
  process.stdout.write(renderFairness(await benchFairness(fairnessSize)));
} else if (options.only === 'exports') {
  process.stdout.write(`${JSON.stringify(await benchExportMemory(memorySize), null, 2)}\n`);
} else if (options.only === 'services') {
  process.stdout.write(renderServices(await benchServices(200_000 / part, say)));
} else {
  // What others have on the machine: our own work is not in it yet.
  const [, loadBefore = 0] = loadavg();
  const ingest = await benchIngest(ingestSize);
  const million = await benchMillion(millionSize);
  const live = await benchLive(liveSize);
  const exportMemory = await benchExportMemory(memorySize);
  const fairness = await benchFairness(fairnessSize);
  const { postgres } = await locateBinaries(undefined);
  const postgresVersion = execFileSync(postgres, ['--version'], { encoding: 'utf8' }).trim();
  const own = renderReport({
    quick: options.quick,
    postgresVersion,
    loadBefore,
    ingest,
    million,
    live,
    exportMemory,
    fairness,
  });
  const report = options.services ? own + renderServices(await benchServices(200_000 / part, say)) : own;
  process.stdout.write(report);
  if (options.write) await writeFile(REPORT, report);
}
