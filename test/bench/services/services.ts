import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '#platform/postgres/start-postgres';
import { benchHistory, type EngineResult } from '#test/bench/services/history';
import { benchStores, type StoreResult } from '#test/bench/services/objects';
import { benchCarriers, type CarrierResult } from '#test/bench/services/queue';
import { startServices } from '#test/bench/services/start';

export interface ServicesResult {
  readonly events: number;
  readonly engines: readonly EngineResult[];
  readonly carriers: readonly CarrierResult[];
  readonly stores: readonly StoreResult[];
}

/** The real services beside what is embedded: the same work, one after the other, in one run. */
export async function benchServices(events: number, say: (line: string) => void): Promise<ServicesResult> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-bench-postgres-'));
  await chmod(folder, 0o711);
  const services = startServices();
  const embedded = await startPostgres({ dataDir: folder });
  try {
    const carriers = await benchCarriers(embedded.url);
    say(
      `queue: ${carriers.map(({ carrier, jobsPerSecond }) => `${carrier} ${jobsPerSecond} jobs/s`).join(', ')}`,
    );
    const stores = await benchStores();
    say(
      `objects: ${stores.map(({ store, pageMs }) => `${store} ${pageMs.toFixed(1)} ms a page`).join(', ')}`,
    );
    const engines = await benchHistory(events, services.pidOf('opensearch'));
    say(
      `history: ${engines.map(({ engine, eventsPerSecond }) => `${engine} ${eventsPerSecond}/s`).join(', ')}`,
    );
    return { events, engines, carriers, stores };
  } finally {
    await embedded.stop();
    services.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
