import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openJournal, type JournalOptions, type OpenJournal } from '#journal/journal';
import type { NewEvent, Outcome, Place, Submission } from '#journal/types';
import type { Pool } from '#platform/db';
import { FileKeyProvider } from '#platform/keys';
import { createLog } from '#platform/log';
import type { PubSub } from '#platform/pubsub/pubsub';
import { createTestDatabase, temporaryFolder, type TestDatabase } from '#test/harness';
import { journalStores, type JournalStores } from '#test/journal-stores';
import { LocalPubSub } from '#test/local-pubsub';
import { newEvent, type EventFields } from '#test/new-event';
import { onRealServices } from '#test/services';

export { LocalPubSub } from '#test/local-pubsub';
export { ACCOUNT, newEvent, TIME } from '#test/new-event';

/** Where a journal lives in a test: a database and folders of its own. */
export interface JournalBed extends JournalStores, AsyncDisposable {
  readonly keys: FileKeyProvider;
  readonly database: TestDatabase;
  readonly pool: Pool;
  readonly folder: string;
  readonly pubsub: LocalPubSub;
  /** Opens a journal, a process of its own as far as it knows; closed with the bed. */
  open(options?: JournalOptions, pubsub?: PubSub): Promise<OpenJournal>;
  /** As if an older copy of the database had been put back: its rows end before this position. */
  loseTail(from: number): Promise<void>;
}

/** `onDisk`: the stores lie in the folder also on the real services, for tests that look there or have more processes. */
export async function createJournalBed(options: { readonly onDisk?: boolean } = {}): Promise<JournalBed> {
  const database = await createTestDatabase();
  const folder = await temporaryFolder();
  const keys = await FileKeyProvider.openOrCreate(join(folder, 'master.key'));
  const { stores, close } = await openStores(folder, onRealServices() && options.onDisk !== true);
  const pubsub = new LocalPubSub();
  const opened: OpenJournal[] = [];
  return {
    database,
    pool: database.pool,
    folder,
    keys,
    ...stores,
    pubsub,
    async open(options, otherPubsub) {
      const log = createLog({ level: 'silent', name: 'test' });
      const deps = { pool: database.pool, ...stores, keys, pubsub: otherPubsub ?? pubsub, log };
      const journal = await openJournal(deps, options);
      opened.push(journal);
      return journal;
    },
    async loseTail(from) {
      const { pool } = database;
      const lost = 'SELECT batch FROM journal_batch WHERE first >= $1';
      await pool.query('TRUNCATE journal_tail_0, journal_tail_1');
      await pool.query(`DELETE FROM journal_key WHERE batch IN (${lost})`, [from]);
      await pool.query('DELETE FROM journal_batch WHERE first >= $1', [from]);
    },
    async [Symbol.asyncDispose]() {
      for (const journal of opened) await journal.close();
      close();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function openStores(
  folder: string,
  onS3: boolean,
): Promise<{ readonly stores: JournalStores; readonly close: () => void }> {
  if (!onS3) return { stores: await journalStores(folder), close: () => undefined };
  // Loaded where it is needed: the SDK takes its time.
  const { s3JournalStores } = await import('#test/s3-journal-stores');
  return s3JournalStores();
}

export function newEvents(from: number, to: number, fields: EventFields = {}): NewEvent[] {
  return Array.from({ length: to - from }, (_, index) => newEvent(from + index, fields));
}

export function submissionOf(events: readonly NewEvent[], source = 'key:test', refused = 0): Submission {
  return { source, received: events.length + refused, refused, events };
}

export function placesOf(outcomes: readonly Outcome[]): Place[] {
  return outcomes.flatMap((outcome) => (outcome.result === 'REFUSED' ? [] : [outcome.place]));
}

export function countOutcomes(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { result } of outcomes) counts[result] = (counts[result] ?? 0) + 1;
  return counts;
}

/** Everything in the journal from its beginning. */
export async function readAll(
  journal: OpenJournal,
  limit = 1000,
): Promise<{ positions: number[]; raws: string[] }> {
  const positions: number[] = [];
  const raws: string[] = [];
  for (let from: Place = { epoch: 0, position: 0 }; ;) {
    const slice = await journal.read(from, limit);
    for (const event of slice.events) {
      positions.push(event.place.position);
      raws.push(event.raw.toString());
    }
    from = slice.next;
    if (slice.behind === 0) return { positions, raws };
  }
}
