import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionResult } from 'graphql';
import type { Principal } from '#domain/principal';
import type { MemoryBudget } from '#platform/memory-budget';
import { HistoryProjection } from '#projections/history/history-projection';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';
import { createEventsServices, events } from '#subgraphs/events/index';
import { buildSubgraph } from '#subgraphs/shared/build-subgraph';
import type { RecorderDependencies } from '#subgraphs/events/record';
import type { LiveLimits } from '#subgraphs/events/live/live-events';
import { MemoryAccounts } from '#test/events/memory-accounts';
import { MemoryJournal, testEventIds } from '#test/events/memory-journal';
import { noAlerts } from '#test/events/no-alerts';
import { noExports } from '#test/events/no-exports';
import { runAs } from '#test/events/run-subgraph';
import { LocalPubSub } from '#test/local-pubsub';

/** The events subgraph over a real history index and a journal in memory. */
export async function startEvents(now: () => number, ...accounts: string[]) {
  return startEventsWithin({}, now, ...accounts);
}

/** The same with limits of its own, and its own turns at the process’s time. */
export async function startEventsWithin(
  limits: {
    readonly budget?: MemoryBudget;
    readonly live?: LiveLimits;
    readonly charge?: RecorderDependencies['charge'];
    readonly slices?: RecorderDependencies['slices'];
  },
  now: () => number,
  ...accounts: string[]
) {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-events-'));
  const journal = new MemoryJournal();
  const projection = new HistoryProjection(folder);
  await projection.init();
  const history = new SqliteHistoryIndex(folder, journal);
  const logged: unknown[] = [];
  const pubsub = new LocalPubSub();
  const services = createEventsServices({
    journal,
    history,
    accounts: new MemoryAccounts(...accounts),
    eventIds: testEventIds,
    now,
    budget: limits.budget,
    charge: limits.charge,
    slices: limits.slices,
    live: { pubsub, onError: (error) => logged.push(error), limits: limits.live },
    exports: noExports,
    alerts: noAlerts,
  });
  const subgraph = buildSubgraph(events, {
    services,
    log: { error: (attributes) => logged.push(attributes) },
  });

  return {
    journal,
    pubsub,
    history,
    services,
    subgraph,
    logged,
    /** Lets history see what was recorded. */
    async settle(): Promise<void> {
      await projection.write(await journal.read(await projection.cursor(), 100_000));
    },
    run(principal: Principal, text: string, variables?: Record<string, unknown>): Promise<ExecutionResult> {
      return runAs(subgraph, principal, { text, variables });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await services.live.close();
      await services.raised.close();
      await history.close();
      await projection.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
