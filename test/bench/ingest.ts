import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPool } from '#platform/db';
import { startPostgres } from '#platform/postgres/start-postgres';
import { bareCost } from '#test/bench/bare-cost';
import { bodiesOf, generate, send } from '#test/bench/load';
import { meter, type Round } from '#test/bench/meter';
import { copyEvents, createBaseline } from '#test/bench/postgres-baseline';
import { costOfTree } from '#test/bench/process-cost';
import type { Product } from '#test/bench/product';
import { startProduct } from '#test/bench/product';
import { median } from '#test/bench/statistics';

export interface Rate {
  /** Medians over the rounds. */
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

export interface IngestResult {
  readonly rounds: number;
  readonly eventsPerRound: number;
  readonly recordBytes: number;
  /** Until every event is answered. */
  readonly durable: Rate;
  /** Until every event lies in a sealed segment. */
  readonly sealed: Rate;
  readonly postgres: Rate;
  readonly bare: Rate;
  /** Medians of each round's own ratio of events per CPU-second. */
  readonly againstPostgres: number;
  readonly againstBare: number;
}

export interface IngestSize {
  readonly rounds: number;
  readonly events: number;
  readonly say: (line: string) => void;
}

interface Trial {
  readonly durable: Round;
  readonly sealed: Round;
  readonly postgres: Round;
  readonly bare: Round;
}

/** The journal, PostgreSQL and the bare cost in turn, each on the same events, so that the machine's moods hit all. */
export async function benchIngest({ rounds, events: count, say }: IngestSize): Promise<IngestResult> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-bench-'));
  await using open = new AsyncDisposableStack();
  open.defer(() => rm(folder, { recursive: true, force: true }));
  const server = await startPostgres({ dataDir: folder });
  open.defer(() => server.stop());
  const pool = createPool(server.url, { statementTimeout: 0 });
  open.defer(() => pool.end());
  await createBaseline(pool);
  // A tail that no more events come to would wait a minute for its sealing.
  const product = open.use(await startProduct({ CAIRN_WORKER_DUTIES: 'jobs', CAIRN_SEAL_SECONDS: '1' }));
  const trials: Trial[] = [];
  let recordBytes = 0;
  // The first round warms all of them up and is not counted.
  for (let run = 0; run <= rounds; run += 1) {
    const events = generate(run, count);
    recordBytes = events.reduce((sum, { length }) => sum + length, 0) / count;
    const journal = await benchJournal(product, events);
    const postgres = await meter(
      () => costOfTree(server.pid),
      () => copyEvents(pool, events),
    );
    const bare = await meter(
      () => [],
      () => Promise.resolve(bareCost(events, join(folder, 'bare'))),
    );
    const rate = ({ wallSeconds, cpuSeconds }: Round): string =>
      `${Math.round(count / wallSeconds)}/s ${Math.round(count / cpuSeconds)}/CPU-s`;
    say(
      `round ${run}: durable ${rate(journal.durable)}, sealed ${rate(journal.sealed)}, ` +
        `PostgreSQL ${rate(postgres)}, bare ${rate(bare)}`,
    );
    if (run > 0) trials.push({ ...journal, postgres, bare });
  }
  return summarise(trials, count, Math.round(recordBytes));
}

async function benchJournal(
  product: Product,
  events: readonly Buffer[],
): Promise<Pick<Trial, 'durable' | 'sealed'>> {
  const bodies = bodiesOf(events);
  let durable: Round | undefined;
  const sealed = await meter(product.costs, async () => {
    durable = await meter(product.costs, async () => {
      const recorded = await send(product, bodies);
      if (recorded !== events.length)
        throw new Error(`${recorded} of ${events.length} events were recorded.`);
    });
    await product.sealed();
  });
  return { durable: durable ?? sealed, sealed };
}

function summarise(trials: readonly Trial[], events: number, recordBytes: number): IngestResult {
  const rate = (name: keyof Trial): Rate => ({
    perSecond: Math.round(median(trials.map((trial) => events / trial[name].wallSeconds))),
    perCpuSecond: Math.round(median(trials.map((trial) => events / trial[name].cpuSeconds))),
  });
  const ratio = (name: keyof Trial): number =>
    median(trials.map((trial) => trial[name].cpuSeconds / trial.sealed.cpuSeconds));
  return {
    rounds: trials.length,
    eventsPerRound: events,
    recordBytes,
    durable: rate('durable'),
    sealed: rate('sealed'),
    postgres: rate('postgres'),
    bare: rate('bare'),
    againstPostgres: ratio('postgres'),
    againstBare: ratio('bare'),
  };
}
