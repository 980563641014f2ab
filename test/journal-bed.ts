import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal, type JournalOptions, type OpenJournal } from '#journal/journal';
import type { NewEvent, Outcome, Place, Submission } from '#journal/types';
import type { Pool } from '#platform/db';
import { FileKeyProvider } from '#platform/keys';
import { createLog } from '#platform/log';
import { DiskObjectStore } from '#platform/objects/disk-object-store';
import type { ObjectStore } from '#platform/objects/object-store';
import type { PubSub } from '#platform/pubsub/pubsub';
import { createTestDatabase, type TestDatabase } from '#test/harness';

/** Rings within the process, so that a test sees when. */
export class LocalPubSub implements PubSub {
  readonly rung: [channel: string, message: string][] = [];
  readonly #listeners = new Set<[string, (message: string) => void]>();

  publish(channel: string, message: string): Promise<void> {
    this.rung.push([channel, message]);
    for (const [of, listener] of this.#listeners) if (of === channel) listener(message);
    return Promise.resolve();
  }

  subscribe(channel: string, listener: (message: string) => void): Promise<() => Promise<void>> {
    const entry: [string, (message: string) => void] = [channel, listener];
    this.#listeners.add(entry);
    return Promise.resolve(() => {
      this.#listeners.delete(entry);
      return Promise.resolve();
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Where a journal lives in a test: a database and folders of its own. */
export interface JournalBed extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly pool: Pool;
  readonly folder: string;
  readonly objects: ObjectStore;
  readonly keyObjects: ObjectStore;
  readonly anchor: ObjectStore;
  readonly pubsub: LocalPubSub;
  /** Opens a journal, a process of its own as far as it knows; closed with the bed. */
  open(options?: JournalOptions, pubsub?: PubSub): Promise<OpenJournal>;
}

/** The stores of a journal's folder. */
export async function journalStores(
  folder: string,
): Promise<Pick<JournalBed, 'objects' | 'keyObjects' | 'anchor'>> {
  return {
    objects: await DiskObjectStore.open(join(folder, 'objects')),
    keyObjects: await DiskObjectStore.open(join(folder, 'keys')),
    anchor: await DiskObjectStore.open(join(folder, 'anchor')),
  };
}

export async function createJournalBed(): Promise<JournalBed> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'cairn-journal-'));
  const keys = await FileKeyProvider.openOrCreate(join(folder, 'master.key'));
  const stores = await journalStores(folder);
  const pubsub = new LocalPubSub();
  const opened: OpenJournal[] = [];
  return {
    database,
    pool: database.pool,
    folder,
    ...stores,
    pubsub,
    async open(options, otherPubsub) {
      const log = createLog({ level: 'silent', name: 'test' });
      const deps = { pool: database.pool, ...stores, keys, pubsub: otherPubsub ?? pubsub, log };
      const journal = await openJournal(deps, options);
      opened.push(journal);
      return journal;
    },
    async [Symbol.asyncDispose]() {
      for (const journal of opened) await journal.close();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const ACCOUNT = '111122223333';
export const TIME = Date.UTC(2026, 10, 5, 10, 30);

/** An event of a hundred bytes or so; the same arguments always give the same bytes. */
export function newEvent(
  number: number,
  fields: Partial<NewEvent> & { readonly note?: string } = {},
): NewEvent {
  const {
    account = ACCOUNT,
    eventId = `event-${number}`,
    eventTime = TIME + number,
    note = 'a note',
  } = fields;
  const record = {
    eventVersion: '1.08',
    eventID: eventId,
    eventTime: new Date(eventTime).toISOString(),
    eventSource: 's3.amazonaws.com',
    eventName: 'PutObject',
    awsRegion: 'eu-west-1',
    recipientAccountId: account,
    userIdentity: { type: 'IAMUser' },
    note,
  };
  return { raw: fields.raw ?? Buffer.from(JSON.stringify(record)), account, eventId, eventTime };
}

export function newEvents(from: number, to: number, fields: Parameters<typeof newEvent>[1] = {}): NewEvent[] {
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

export function randomName(): string {
  return `${randomUUID()}-${randomBytes(4).toString('hex')}`;
}
