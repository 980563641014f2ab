import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openJournal, type JournalDeps, type JournalOptions, type OpenJournal } from '#journal/journal';
import { recoverJournal, type Recovery, type RecoveryOptions } from '#journal/recover';
import type { NewEvent, Outcome } from '#journal/types';
import { FileKeyProvider } from '#platform/keys';
import { createLog } from '#platform/log';
import { DiskObjectStore } from '#platform/objects/disk-object-store';
import type { PubSub } from '#platform/pubsub/pubsub';
import { createTestDatabase, temporaryFolder, type TestDatabase } from '#test/harness';
import { MemoryObjects } from '#test/memory-objects';

/** Doorbells that nobody hears. */
function silentPubSub(): PubSub {
  return {
    publish: () => Promise.resolve(),
    subscribe: () => Promise.resolve(() => Promise.resolve()),
    close: () => Promise.resolve(),
  };
}

/** The journal's parts of a data folder on the disk, a database of its own, and what a start does with them. */
export interface LogBed {
  readonly folder: string;
  readonly database: TestDatabase;
  readonly deps: JournalDeps;
  /** Without recovering first. */
  open(options?: JournalOptions): Promise<OpenJournal>;
  /** As every start does before it opens the journal. */
  recover(options?: RecoveryOptions): Promise<Recovery>;
  /** Another database under the same objects, as after a loss or a restore. */
  withDatabase(database: TestDatabase): LogBed;
  remove(): Promise<void>;
}

/** `memoryKeys`: keeps data keys in memory, for tests that make thousands. */
export async function createLogBed(options: { readonly memoryKeys?: boolean } = {}): Promise<LogBed> {
  const folder = await temporaryFolder();
  const deps = {
    objects: await DiskObjectStore.open(join(folder, 'objects')),
    keyObjects:
      options.memoryKeys === true ? new MemoryObjects() : await DiskObjectStore.open(join(folder, 'keys')),
    anchor: await DiskObjectStore.open(join(folder, 'anchor')),
    keys: await FileKeyProvider.openOrCreate(join(folder, 'master.key')),
    pubsub: silentPubSub(),
    log: createLog({ level: 'silent', name: 'test' }),
  };
  const over = (database: TestDatabase): LogBed => {
    const all = { ...deps, pool: database.pool };
    return {
      folder,
      database,
      deps: all,
      open: (options) => openJournal(all, { recover: false, ...options }),
      recover: (options) => recoverJournal({ ...all, dataKeys: () => Promise.resolve(new Map()) }, options),
      withDatabase: over,
      remove: async () => {
        await database.drop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  };
  return over(await createTestDatabase());
}

/** An event of the account at the time, with a body of about `bytes`. */
export function testEvent(account: string, number: number, at: { time: number; bytes?: number }): NewEvent {
  const eventId = `event-${number}`;
  const record = {
    eventVersion: '1.11',
    eventID: eventId,
    eventTime: new Date(at.time).toISOString(),
    eventSource: 's3.amazonaws.com',
    eventName: `Name${number % 17}`,
    awsRegion: 'eu-west-1',
    userIdentity: { type: 'IAMUser' },
    recipientAccountId: account,
    padding: 'abcdefgh'.repeat(Math.ceil((at.bytes ?? 80) / 8)),
  };
  return { raw: Buffer.from(JSON.stringify(record)), account, eventId, eventTime: at.time };
}

/** Appends events as one submission. */
export async function appendEvents(
  journal: OpenJournal,
  events: readonly NewEvent[],
  source = 'key:test',
): Promise<readonly Outcome[]> {
  return journal.append({ source, received: events.length, refused: 0, events });
}
