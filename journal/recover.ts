import { randomUUID } from 'node:crypto';
import { CairnError } from '#domain/errors';
import { adoptNext } from '#journal/adopt';
import { parseAnchorKey } from '#journal/checkpoint';
import { CheckpointPublisher } from '#journal/checkpoint-publisher';
import { parseLogObjectKey, logObjectKey } from '#journal/format/log-object';
import { decodeRecord, EPOCH_END_UNKNOWN } from '#journal/format/record';
import { uuidBytes, uuidText } from '#journal/format/uuid';
import { readLogObject, type LogObject } from '#journal/log-object-reader';
import {
  commitRecord,
  nextPlace,
  readLogEnd,
  writeRecord,
  type LogEnd,
  type LogWriterDeps,
} from '#journal/log-writer';
import { registerStoredKeys } from '#journal/rebuild';
import { signEpochRecord, signKeyRecord } from '#journal/record-signatures';
import { beginEpoch, followLinks, replayObject } from '#journal/replay';
import { Sealer, type SealerDeps } from '#journal/seal';
import { createSigningKey, loadSigningKey } from '#journal/signing-key';
import {
  createHead,
  deleteTailRows,
  isPendingErasure,
  markEndUnknown,
  moveTailToEpoch,
  tailLinks,
  UNKNOWN_CHAIN,
} from '#journal/store/replay-store';
import { SealSession, type SealHead } from '#journal/store/seal-store';
import type { PoolClient } from '#platform/db';

/** What a start has found and done. */
export interface Recovery {
  /** The log was begun. */
  readonly created: boolean;
  /** The rows of all records were made from objects. */
  readonly rebuilt: boolean;
  /** Records whose objects PostgreSQL did not know. */
  readonly replayed: number;
  /** A new epoch was begun at this position, because events after it may be lost. */
  readonly newEpoch: { readonly epoch: number; readonly position: number } | undefined;
}

export interface RecoveryOptions {
  /**
   * Rows, objects or both were put back from a backup: what came after it is lost, so a new epoch begins in any
   * case, and the anchor may have checkpoints of the lost end.
   */
  readonly restored?: boolean;
}

/**
 * Brings PostgreSQL and the objects together before anyone reads or writes: begins the log on the first start,
 * replays objects that PostgreSQL does not know, begins an epoch when the end of the tail is lost, publishes
 * what a crash left unpublished. Run by one process at each start; safe to run at any time and by several.
 * CORRUPT when objects, rows, checkpoints or anchor contradict one another.
 */
export async function recoverJournal(deps: SealerDeps, options: RecoveryOptions = {}): Promise<Recovery> {
  const step = deps.step ?? ((): void => undefined);
  const publisher = new CheckpointPublisher({ ...deps, step });
  const writer: LogWriterDeps = { objects: deps.objects, publisher, step, now: deps.now ?? Date.now };
  return new JournalRecovery(deps, writer, options.restored ?? false).run();
}

class JournalRecovery {
  readonly #deps: SealerDeps;
  readonly #writer: LogWriterDeps;
  readonly #restored: boolean;

  constructor(deps: SealerDeps, writer: LogWriterDeps, restored: boolean) {
    this.#deps = deps;
    this.#writer = writer;
    this.#restored = restored;
  }

  async run(): Promise<Recovery> {
    await using session = await this.#session();
    const { created, rebuilt } = await this.#ensureHead(session);
    await this.#checkNewestObject(session);
    const { replayed, behind } = await this.#replay(session);
    if (replayed > 0) await registerStoredKeys(this.#deps.keyObjects, session);
    await this.#ensureKey(session);
    await this.#writer.publisher.catchUp(session);
    this.#writer.publisher.checkNothingLost({ anchor: !this.#restored });
    const lost = rebuilt || behind || (this.#restored && !created) || !(await this.#isTailWhole(session));
    const newEpoch = lost ? await this.#beginEpoch(session) : undefined;
    return { created, rebuilt, replayed, newEpoch };
  }

  async #session(): Promise<SealSession> {
    const session = await SealSession.open(this.#deps.pool, true);
    if (session === undefined)
      throw new CairnError('UNAVAILABLE', 'The log is being written.', { retryAfter: 1 });
    return session;
  }

  async #head(session: SealSession): Promise<SealHead> {
    const head = await session.head();
    if (head === undefined) throw new CairnError('CORRUPT', 'The journal has no head.');
    return head;
  }

  async #end(session: SealSession): Promise<LogEnd> {
    return readLogEnd(session, await this.#head(session));
  }

  /** A newest object that was dropped together with its checkpoint would be signed for again. */
  async #checkNewestObject(session: SealSession): Promise<void> {
    const { last } = await session.newest();
    if (last === undefined) return;
    const { epoch, sequence } = decodeRecord(last);
    const key = logObjectKey(epoch, sequence);
    if ((await this.#deps.objects.size(key)) !== undefined) return;
    throw new CairnError('CORRUPT', `${key} is gone, the newest object of the log that PostgreSQL knows.`);
  }

  /** The row of the head: there already, as the first object says, or of a new log. */
  async #ensureHead(session: SealSession): Promise<{ created: boolean; rebuilt: boolean }> {
    if ((await session.head()) !== undefined) return { created: false, rebuilt: false };
    const first = await this.#firstObject();
    const log = first?.record.log ?? uuidBytes(randomUUID()) ?? Buffer.alloc(16);
    // A log with nothing but its first key has no events to lose: a first start that was cut short.
    const rebuilt = first !== undefined && !(await this.#onlyFirst());
    const chain = rebuilt ? UNKNOWN_CHAIN : Buffer.alloc(32);
    await createHead(session.client, { log, epoch: 0, position: 0, chain, receivedAt: 0 });
    return { created: first === undefined, rebuilt };
  }

  async #firstObject(): Promise<LogObject | undefined> {
    const first = await readLogObject(this.#deps.objects, { epoch: 0, sequence: 0 });
    if (first !== undefined) return first;
    for (const prefix of ['log/', 'checkpoint/', 'tile/']) {
      for await (const key of this.#deps.objects.list(prefix)) {
        throw new CairnError(
          'CORRUPT',
          `There is ${key}, but not the log's first object, ${logObjectKey(0, 0)}.`,
        );
      }
    }
    return undefined;
  }

  async #onlyFirst(): Promise<boolean> {
    for await (const key of this.#deps.objects.list('log/')) if (key !== logObjectKey(0, 0)) return false;
    return true;
  }

  /** Objects after PostgreSQL's last record; `behind`: some held events that its tail had not. */
  async #replay(session: SealSession): Promise<{ replayed: number; behind: boolean }> {
    let end = await this.#end(session);
    let replayed = 0;
    let behind = false;
    for (;;) {
      const found = await this.#next(end);
      if (found === undefined) return { replayed, behind };
      if (await this.#isExpected(session, found, end)) {
        await adoptNext(this.#writer, session, end);
      } else {
        const effects = await replayObject(this.#deps.keyObjects, session, found, end);
        const also = async (client: PoolClient): Promise<void> => {
          await effects.also?.(client);
          await markEndUnknown(client);
        };
        const bytes = found.object.length;
        const { record } = found.head;
        await commitRecord(this.#writer, session, { record, bytes, effects: { ...effects, also } });
        behind = true;
      }
      replayed++;
      end = await this.#end(session);
    }
  }

  /** The object that follows, be it of this epoch or of the next. CORRUPT when later ones are there without it. */
  async #next(end: LogEnd): Promise<LogObject | undefined> {
    const last = end.sequence === 0 ? undefined : logObjectKey(end.epoch, end.sequence - 1);
    for await (const key of this.#deps.objects.list('log/', last)) {
      const place = parseLogObjectKey(key);
      if (place?.sequence !== end.sequence) {
        throw new CairnError('CORRUPT', `${key} is there, but the log goes on with record ${end.sequence}.`);
      }
      return readLogObject(this.#deps.objects, place);
    }
    return undefined;
  }

  /** Whether PostgreSQL knows all that the object says, and a crash came before its row: it is not behind. */
  async #isExpected(session: SealSession, { record }: LogObject, end: LogEnd): Promise<boolean> {
    switch (record.kind) {
      case 'segment':
        return record.chain.equals(end.chain) || (await session.tailRowOfChain(record.chain)) !== undefined;
      case 'erasure':
        return isPendingErasure(session.client, record);
      case 'key':
        return true;
      case 'epoch':
      case 'unknown':
        return false;
    }
  }

  async #ensureKey(session: SealSession): Promise<void> {
    if ((await session.newestKey()) !== undefined) return;
    const end = await this.#end(session);
    if (end.sequence !== 0) throw new CairnError('CORRUPT', 'The log does not begin with a key record.');
    const key = await createSigningKey(this.#deps.keyObjects, this.#deps.keys);
    await this.#writer.step('signing-key');
    const record = signKeyRecord(nextPlace(end, this.#writer.now()), key, undefined);
    await writeRecord(this.#writer, session, { record, body: [], effects: {} });
  }

  /** Whether the tail leads from the last segment to the head. */
  async #isTailWhole(session: SealSession): Promise<boolean> {
    const end = await this.#end(session);
    const { links, position, chain } = await tailLinks(session.client);
    const reached = followLinks(links, end);
    const foreign = links.some(({ epoch }) => epoch !== end.epoch);
    const whole = reached.position === position && reached.chain.equals(chain);
    return whole && reached.broken.length === 0 && !foreign;
  }

  /**
   * The end of this epoch is not known: what of the tail still follows the last segment is sealed, or after a
   * restore taken into the new epoch; the rest is forgotten, and a signed record says that events from there on
   * may be lost.
   */
  async #beginEpoch(session: SealSession): Promise<{ epoch: number; position: number }> {
    const epoch = (await this.#epochOfTail(session)) ?? (await this.#closeEpoch(session));
    const end = await this.#end(session);
    const newest = await session.newestKey();
    const key = newest === undefined ? undefined : decodeRecord(newest);
    if (key?.kind !== 'key') throw new CairnError('CORRUPT', 'The log has no key record.');
    const signer = await loadSigningKey(this.#deps.keyObjects, this.#deps.keys, key.publicKey);
    const place = { ...nextPlace(end, this.#writer.now()), epoch };
    const fields = { oldEpoch: end.epoch, oldEnd: end.position, reason: EPOCH_END_UNKNOWN };
    const record = signEpochRecord(place, fields, signer);
    const effects = beginEpoch({ ...end, epoch });
    if (!(await writeRecord(this.#writer, session, { record, body: [], effects }))) {
      throw new CairnError('UNAVAILABLE', 'Another process begins an epoch.', { retryAfter: 1 });
    }
    return { epoch, position: end.position };
  }

  /** The epoch that an interrupted restore has moved the tail to. */
  async #epochOfTail(session: SealSession): Promise<number | undefined> {
    const head = await this.#head(session);
    const { links } = await tailLinks(session.client);
    return links.find(({ epoch }) => epoch > head.epoch)?.epoch;
  }

  /** Does what is to do in the epoch that ends; returns the number of the next. */
  async #closeEpoch(session: SealSession): Promise<number> {
    const end = await this.#end(session);
    const { links } = await tailLinks(session.client);
    const next = await this.#freeEpoch(end);
    await deleteTailRows(session.client, followLinks(links, end).broken);
    // A record of the old epoch could be a second one beside what the anchor knows of the lost end.
    if (this.#restored) await moveTailToEpoch(session.client, next);
    else await new Sealer(this.#deps).sealLocked(session);
    await this.#writer.publisher.catchUp(session);
    return next;
  }

  /** An epoch that no cursor has seen: neither here nor in an end that was lost before. */
  async #freeEpoch({ log, epoch }: LogEnd): Promise<number> {
    const origin = uuidText(log);
    let newest = epoch;
    for await (const key of this.#deps.anchor.list(`${origin}/`)) {
      newest = Math.max(newest, parseAnchorKey(origin, key)?.epoch ?? 0);
    }
    return newest + 1;
  }
}
