import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { startPlatform } from '#test/acceptance/platform';
import type { Target } from '#test/bench/load';
import { costOfTree, type ProcessCost } from '#test/bench/process-cost';

/** A started product under load. */
export interface Product extends Target, AsyncDisposable {
  readonly dataDir: string;
  /** The supervisor and everything below it. */
  readonly costs: () => ProcessCost[];
  /** Waits until no batch is unsealed. */
  sealed(): Promise<void>;
  /** Events that history has not seen. */
  eventsBehind(): Promise<number>;
}

/** Each look costs the api process some milliseconds, which would count as the product’s. */
const POLL_MS = 250;
const PATIENCE_MS = 300_000;

export async function startProduct(env: Readonly<Record<string, string>>): Promise<Product> {
  const platform = await startPlatform({
    env: {
      CAIRN_LOG_LEVEL: 'warn',
      CAIRN_QUERY_COST_PER_MINUTE: '0',
      CAIRN_RECORD_BYTES_PER_MINUTE: '0',
      ...env,
    },
  });
  const agent = new Agent({ keepAlive: true });
  const metric = async (name: string): Promise<number> => {
    const response = await fetch(`${platform.url}/metrics`);
    const text = await response.text();
    const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`/metrics has no ${name}.`);
    return Number(value);
  };
  return {
    url: platform.url,
    apiKey: platform.apiKey,
    agent,
    dataDir: platform.dataDir,
    costs: () => costOfTree(platform.process.pid ?? 0),
    sealed: () => becomesZero('unsealed batches', () => metric('cairn_journal_tail_batches')),
    eventsBehind: () => metric('cairn_history_events_behind'),
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await platform[Symbol.asyncDispose]();
    },
  };
}

export async function becomesZero(what: string, read: () => Promise<number>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await read();
    if (value === 0) return;
    if (Date.now() > deadline) throw new Error(`After five minutes: ${value} ${what}.`);
    await delay(POLL_MS);
  }
}
