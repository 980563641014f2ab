import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecutionResult, parse } from 'graphql';
import type { Principal } from '#domain/principal';
import { HistoryProjection } from '#projections/history/history-projection';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';
import { createEventsServices, events } from '#subgraphs/events/index';
import { buildSubgraph } from '#subgraphs/shared/build-subgraph';
import { MemoryAccounts } from '#test/events/memory-accounts';
import { MemoryJournal, testEventIds } from '#test/events/memory-journal';

/** The events subgraph over a real history index and a journal in memory. */
export async function startEvents(now: () => number, ...accounts: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-events-'));
  const journal = new MemoryJournal();
  const projection = new HistoryProjection(folder);
  await projection.init();
  const history = new SqliteHistoryIndex(folder, journal);
  const logged: unknown[] = [];
  const services = createEventsServices({
    journal,
    history,
    accounts: new MemoryAccounts(...accounts),
    eventIds: testEventIds,
    now,
  });
  const subgraph = buildSubgraph(events, {
    services,
    log: { error: (attributes) => logged.push(attributes) },
  });

  return {
    journal,
    history,
    services,
    subgraph,
    logged,
    /** Lets history see what was recorded. */
    async settle(): Promise<void> {
      await projection.write(await journal.read(await projection.cursor(), 100_000));
    },
    run(principal: Principal, text: string, variables?: Record<string, unknown>): Promise<ExecutionResult> {
      return subgraph.execute({
        document: parse(text),
        variables,
        caller: { principal, requestId: 'r1', clientAddress: undefined },
        signal: new AbortController().signal,
      });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await history.close();
      await projection.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The result as JSON would carry it, which graphql-js builds on null prototypes. */
export function plain(result: ExecutionResult): {
  data: Record<string, unknown> | null;
  codes: unknown[];
  messages: string[];
} {
  return {
    data: result.data === null || result.data === undefined ? null : structuredClone(result.data),
    codes: (result.errors ?? []).map(({ extensions }) => extensions['code']),
    messages: (result.errors ?? []).map(({ message }) => message),
  };
}
