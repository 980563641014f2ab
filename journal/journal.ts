import { CairnError } from '#domain/errors';
import { Appender, APPEND_LIMITS, type AppendLimits } from '#journal/append/appender';
import { Committer } from '#journal/append/committer';
import { Doorbell } from '#journal/append/doorbell';
import { DataKeys } from '#journal/data-keys';
import { Eraser } from '#journal/erase';
import { Erasures } from '#journal/erasures';
import { EVENT_ID_KEY, EventIds } from '#journal/event-id';
import { Identities } from '#journal/format/identity';
import { ClearFrames } from '#journal/read/clear-frames';
import { Epochs } from '#journal/read/epochs';
import { Reader } from '#journal/read/reader';
import { SegmentRuns } from '#journal/read/segment-runs';
import { TailRuns } from '#journal/read/tail-runs';
import { recoverJournal, type Recovery } from '#journal/recover';
import { Sealer, type SealerDeps } from '#journal/seal';
import { noSteps, type Steps } from '#journal/steps';
import { DataKeyStore } from '#journal/store/data-key-store';
import { ErasureStore, type Erasure } from '#journal/store/erasure-store';
import { LogStore, type Head } from '#journal/store/log-store';
import { RecordStore } from '#journal/store/record-store';
import { RefusalStore } from '#journal/store/refusal-store';
import { available } from '#journal/store/sql-error';
import { TailStore } from '#journal/store/tail-store';
import type { ErasureScope, Journal, SourceCounters } from '#journal/types';
import type { Pool } from '#platform/db';
import type { KeyProvider } from '#platform/keys';
import type { Log } from '#platform/log';
import type { ObjectStore } from '#platform/objects/object-store';
import type { PubSub } from '#platform/pubsub/pubsub';

/** The secret that keeps content hashes from being guessed (docs/formats/journal.md, section 1). */
const CONTENT_KEY = 'content-hash';

export interface JournalDeps {
  readonly pool: Pool;
  /** Segments, records, checkpoints, tiles. */
  readonly objects: ObjectStore;
  /** Wrapped keys: never in a backup, never versioned. */
  readonly keyObjects: ObjectStore;
  /** Checkpoints outside the data folder. */
  readonly anchor: ObjectStore;
  readonly keys: KeyProvider;
  readonly pubsub: PubSub;
  readonly log: Log;
}

export interface JournalOptions {
  /** The account's events before this time (milliseconds since 1970) are refused; undefined: none are. */
  readonly retentionStart?: (account: string) => number | undefined;
  readonly append?: Partial<AppendLimits>;
  /** Stored bytes of the tail from which it is sealed; 8 MB unless told. */
  readonly sealBytes?: number;
  /** Age of the tail from which it is sealed, in milliseconds; a minute unless told. */
  readonly sealMs?: number;
  /**
   * Whether to bring rows and objects together first and to finish erasures; true unless told. One process
   * at each start must; others may leave it to that one.
   */
  readonly recover?: boolean;
  /** The recovery follows a restore (`RecoveryOptions.restored`). */
  readonly restored?: boolean;
  /** Hears what the recovery found and did. */
  readonly onRecovered?: (recovery: Recovery) => Promise<void>;
  /** For crash tests. */
  readonly step?: Steps;
}

/** The journal with what its own jobs need. */
export interface OpenJournal extends Journal {
  /** Ids of events for the world outside. */
  readonly eventIds: EventIds;
  readonly sealer: Sealer;
  /** Conflicting events that were kept as evidence. */
  readonly refusals: RefusalStore;
  readonly dataKeys: DataKeys;
  /** Erases the scope's events up to the head; resolves when their keys are destroyed and it is recorded. */
  erase(scope: ErasureScope): Promise<Erasure>;
  /** Finishes erasures that a crash interrupted. */
  resumeErasures(): Promise<number>;
  /** Raw bytes that wait to be appended. */
  load(): number;
}

/**
 * Opens the journal; begins its log when there is none. The pool and the stores stay the caller's to close.
 * CORRUPT when rows, objects, checkpoints or anchor contradict one another.
 */
export async function openJournal(deps: JournalDeps, options: JournalOptions = {}): Promise<OpenJournal> {
  const { pool, pubsub } = deps;
  const store = new LogStore(pool);
  const recover = options.recover ?? true;
  const erasures = new Erasures(new ErasureStore(pool));
  await available(() => erasures.refresh());
  const onError = (what: string) => (error: unknown) => deps.log.warn({ err: error }, what);
  const step = options.step ?? noSteps;
  const dataKeys = new DataKeys({
    store: new DataKeyStore(pool),
    objects: deps.keyObjects,
    keys: deps.keys,
    erasures,
    step,
  });
  const sealerDeps = sealerDepsOf(deps, options, dataKeys);
  if (recover) {
    const recovery = await recoverJournal(sealerDeps, { restored: options.restored ?? false });
    logRecovery(deps.log, recovery);
    await options.onRecovered?.(recovery);
  }
  const { log } = await available(() => requireHead(store));
  const reader = createReader(deps, log, { erasures, dataKeys });
  const refusals = new RefusalStore(pool);
  const committer = new Committer({
    log,
    store,
    erasureStore: new ErasureStore(pool),
    refusals,
    erasures,
    dataKeys,
    step,
    get: (places) => reader.get(places),
    retentionStart: options.retentionStart ?? ((): undefined => undefined),
    onUnreadable: onError('a conflicting event cannot be compared with the one recorded'),
  });
  const appender = new Appender({
    committer,
    identities: new Identities(deps.keys.derive(CONTENT_KEY)),
    doorbell: new Doorbell(pubsub, onError('the doorbell cannot be rung')),
    limits: { ...APPEND_LIMITS, ...options.append },
  });
  const sealer = new Sealer(sealerDeps);
  const eraser = new Eraser({
    store: new ErasureStore(pool),
    erasures,
    keyObjects: deps.keyObjects,
    pubsub,
    writeRecord: (record) => sealer.writeErasure(record),
    onError: onError('an erasure cannot be announced'),
    step,
  });
  if (recover) await eraser.resume();
  const unlisten = await erasures.listen(pubsub, onError('erasures cannot be read'));
  return {
    append: (submission) => appender.append(submission),
    head: async () => {
      const { epoch, position } = await available(() => requireHead(store));
      return { epoch, position };
    },
    read: (from, limit) => reader.read(from, limit),
    get: (places) => reader.get(places),
    counters: () => counters(store),
    erase: (scope) => eraser.erase(scope),
    resumeErasures: () => eraser.resume(),
    load: () => appender.load,
    eventIds: new EventIds(deps.keys.derive(EVENT_ID_KEY)),
    sealer,
    refusals,
    dataKeys,
    close: async () => {
      await appender.close();
      await unlisten();
    },
  };
}

function createReader(
  { pool, objects }: JournalDeps,
  log: Buffer,
  { erasures, dataKeys }: { readonly erasures: Erasures; readonly dataKeys: DataKeys },
): Reader {
  const tail = new TailStore(pool);
  const records = new RecordStore(pool);
  return new Reader({
    tail,
    tailRuns: new TailRuns(tail),
    segments: new SegmentRuns(objects, records),
    frames: new ClearFrames(log, dataKeys, erasures),
    erasures,
    epochs: new Epochs(records),
  });
}

function logRecovery(log: Log, { created, rebuilt, replayed, newEpoch }: Recovery): void {
  if (newEpoch !== undefined) log.warn({ newEpoch, rebuilt, replayed }, 'the log goes on in a new epoch');
  else if (replayed > 0) log.info({ replayed }, 'records were adopted from their objects');
  else if (created) log.info('a log was begun');
}

function sealerDepsOf(deps: JournalDeps, options: JournalOptions, dataKeys: DataKeys): SealerDeps {
  const { pool, objects, keyObjects, anchor, keys, log } = deps;
  return {
    pool,
    objects,
    keyObjects,
    anchor,
    keys,
    dataKeys: (ids) => dataKeys.byId(ids),
    onLostKey: (error) => log.error({ err: error }, 'a data key is lost'),
    ...(options.step === undefined ? {} : { step: options.step }),
    ...(options.sealBytes === undefined ? {} : { sealBytes: options.sealBytes }),
    ...(options.sealMs === undefined ? {} : { sealMs: options.sealMs }),
  };
}

async function requireHead(store: LogStore): Promise<Head> {
  const head = await store.head();
  if (head === undefined)
    throw new CairnError('UNAVAILABLE', 'The journal has no log yet.', { retryAfter: 2 });
  return head;
}

async function counters(store: LogStore): Promise<readonly SourceCounters[]> {
  const rows = await available(() => store.counters());
  return rows.map(({ source, ...counts }) => ({
    source,
    received: Number(counts.received),
    accepted: Number(counts.accepted),
    duplicate: Number(counts.duplicate),
    conflict: Number(counts.conflict),
    refused: Number(counts.refused),
  }));
}
