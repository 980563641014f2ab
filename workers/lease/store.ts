import { setTimeout } from 'node:timers/promises';
import { Client } from 'pg';
import type { Lease, Leases } from '#workers/lease/lease';

interface PostgresLeasesOptions {
  readonly connectionString: string;
  /** Failures to connect while waiting; the next attempt comes by itself. */
  readonly onError: (error: Error) => void;
}

/** First half of the lock's key; the second is a hash of the name. */
const LOCK_CLASS = 0x6c65_6173;
const RETRY_MS = 1_000;
const HEARTBEAT_MS = 5_000;
const ANSWER_MS = 5_000;

/**
 * Leases as session locks of PostgreSQL: a holder that dies, or loses its connection, gives them up without
 * anybody's doing. Each has a connection of its own, which is asked every few seconds whether it still lives.
 */
export function createPostgresLeases(options: PostgresLeasesOptions): Leases {
  return {
    acquire: async (name, signal) => {
      for (;;) {
        signal.throwIfAborted();
        const lease = await attempt(options, name);
        if (lease !== undefined && signal.aborted) await lease.release();
        else if (lease !== undefined) return lease;
        await setTimeout(RETRY_MS, undefined, { signal });
      }
    },
  };
}

async function attempt(options: PostgresLeasesOptions, name: string): Promise<Lease | undefined> {
  const client = new Client({
    connectionString: options.connectionString,
    application_name: 'cairn-lease',
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
  });
  const lost = new AbortController();
  client.on('error', () => lost.abort());
  client.on('end', () => lost.abort());
  try {
    await client.connect();
    const { rows } = await client.query<{ held: boolean }>(
      'SELECT pg_try_advisory_lock($1, hashtext($2)) AS held',
      [LOCK_CLASS, name],
    );
    if (rows[0]?.held === true) return held(client, lost);
  } catch (error) {
    options.onError(error instanceof Error ? error : new Error(String(error)));
  }
  await client.end().catch(options.onError);
  return undefined;
}

function held(client: Client, lost: AbortController): Lease {
  const heartbeat = setInterval(() => {
    client.query('SELECT 1').catch(() => lost.abort());
  }, HEARTBEAT_MS);
  heartbeat.unref();
  lost.signal.addEventListener('abort', () => clearInterval(heartbeat));
  return {
    lost: lost.signal,
    release: async () => {
      clearInterval(heartbeat);
      // Ending the session gives the lock back, whatever state the connection is in.
      await client.end().catch(() => lost.abort());
    },
  };
}
