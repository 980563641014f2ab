import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRefusal, parseEvent } from '#domain/event-parse';
import { EXAMPLE_ACCOUNTS, generateEvents } from '#domain/generator/events';
import { openJournal, type OpenJournal } from '#journal/journal';
import type { NewEvent } from '#journal/types';
import { createPool, migrate } from '#platform/db';
import { FileKeyProvider } from '#platform/keys';
import { createLog } from '#platform/log';
import { startPostgres, type RunningPostgres } from '#platform/postgres/start-postgres';
import { createPostgresPubSub } from '#platform/pubsub/postgres-pubsub';
import { journalStores } from '#test/journal-stores';

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A journal as in production, fsync on, in a temporary folder that goes away with it. */
export async function withJournal(
  work: (journal: OpenJournal, server: RunningPostgres) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-bench-'));
  const server = await startPostgres({ dataDir: folder });
  try {
    await migrate(server.url);
    const pool = createPool(server.url);
    const pubsub = createPostgresPubSub({
      connectionString: server.url,
      onError: (error) => print(error.message),
    });
    const keys = await FileKeyProvider.openOrCreate(join(folder, 'master.key'));
    const log = createLog({ level: 'warn', name: 'bench' });
    const journal = await openJournal({ pool, ...(await journalStores(folder)), keys, pubsub, log });
    await work(journal, server);
    await journal.close();
    await pubsub.close();
    await pool.end();
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Parsed events of a month. */
export function sampleEvents(count: number): NewEvent[] {
  const to = Date.now();
  const from = to - 30 * 86_400_000;
  const events: NewEvent[] = [];
  for (const text of generateEvents({ seed: 1, count, accounts: EXAMPLE_ACCOUNTS, from, to })) {
    const parsed = parseEvent(Buffer.from(text), { now: to });
    if (isRefusal(parsed)) throw new Error(parsed.message);
    const { raw, account = '', eventId, eventTime } = parsed;
    events.push({ raw, account, eventId, eventTime });
  }
  return events;
}
