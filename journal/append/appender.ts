import { CairnError } from '#domain/errors';
import { isKeysAway } from '#journal/data-keys';
import { ACCOUNT_ID } from '#domain/ids';
import type { Committer } from '#journal/append/committer';
import type { Doorbell } from '#journal/append/doorbell';
import { Intake } from '#journal/append/intake';
import type { Identities } from '#journal/format/identity';
import type { Outcome, Submission } from '#journal/types';

export interface AppendLimits {
  /** Raw bytes that may wait or be under way; beyond them TOO_MANY_REQUESTS. */
  readonly queueBytes: number;
  /** Raw bytes after which a batch is not made larger. */
  readonly batchBytes: number;
  readonly batchEvents: number;
  /** How long a submission waits for others to come along, in milliseconds. */
  readonly gatherMs: number;
  /** Batches under way: while one is committed the next is prepared. */
  readonly parallel: number;
  /** Milliseconds after which an append that the database did not take is UNAVAILABLE. */
  readonly timeoutMs: number;
}

export const APPEND_LIMITS: AppendLimits = {
  queueBytes: 64 * 1024 * 1024,
  batchBytes: 4 * 1024 * 1024,
  batchEvents: 8192,
  gatherMs: 2,
  parallel: 2,
  timeoutMs: 30_000,
};

/** Of one submission. Its caller cuts larger ones. */
const MAX_SUBMISSION_EVENTS = 20_000;
const MAX_SUBMISSION_BYTES = 32 * 1024 * 1024;
const MAX_SOURCE_BYTES = 64;
/** The last of the months that a u16 holds. */
const MAX_EVENT_TIME = Date.UTC(1970, 65_535, 1);

interface Pending {
  readonly submission: Submission;
  readonly bytes: number;
  readonly since: number;
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface AppenderDeps {
  readonly committer: Committer;
  readonly identities: Identities;
  readonly doorbell: Doorbell;
  readonly limits: AppendLimits;
}

/** Gathers submissions into batches, commits them, and answers each. */
export class Appender {
  readonly #deps: AppenderDeps;
  #queue: Pending[] = [];
  #queuedBytes = 0;
  /** Queued and under way. */
  #bytes = 0;
  #active = 0;
  #timer: NodeJS.Timeout | undefined;
  #gathering = false;
  /** Raw bytes committed per millisecond, lately. */
  #rate = 1000;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(deps: AppenderDeps) {
    this.#deps = deps;
  }

  /** As `Journal.append`. */
  async append(submission: Submission): Promise<readonly Outcome[]> {
    const bytes = checkSubmission(submission);
    if (this.#closed) throw new CairnError('UNAVAILABLE', 'The journal is closing.', { retryAfter: 5 });
    if (this.#bytes > 0 && this.#bytes + bytes > this.#deps.limits.queueBytes) throw this.#full();
    this.#bytes += bytes;
    this.#queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#queue.push({ submission, bytes, since: Date.now(), resolve, reject });
      this.#schedule();
    });
  }

  /** Bytes that wait or are under way. */
  get load(): number {
    return this.#bytes;
  }

  #full(): CairnError {
    const seconds = Math.ceil(this.#bytes / this.#rate / 1000);
    return new CairnError('TOO_MANY_REQUESTS', 'The journal has more to write than it can take.', {
      retryAfter: Math.min(30, Math.max(1, seconds)),
    });
  }

  /** Starts a batch when it is worth it; at the latest when the oldest submission has waited for others. */
  #schedule(): void {
    const { limits } = this.#deps;
    if (this.#active >= limits.parallel) return;
    const [oldest] = this.#queue;
    if (oldest === undefined) return;
    const waited = Date.now() - oldest.since;
    if (this.#queuedBytes >= limits.batchBytes || waited >= limits.gatherMs) {
      this.#start();
    } else if (this.#active === 0) {
      // Nobody is being served: only what arrives in the same turn is waited for.
      if (this.#gathering) return;
      this.#gathering = true;
      setImmediate(() => {
        this.#gathering = false;
        if (this.#active === 0) this.#start();
      });
    } else {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#schedule();
      }, limits.gatherMs - waited);
    }
  }

  #start(): void {
    const pending = this.#take();
    if (pending.length === 0) return;
    this.#active++;
    // #commit answers every submission itself and does not reject.
    void this.#commit(pending).then(() => {
      this.#active--;
      this.#schedule();
      if (this.#active === 0 && this.#queue.length === 0) for (const wake of this.#idle.splice(0)) wake();
    });
    this.#schedule();
  }

  #take(): readonly Pending[] {
    const { batchBytes, batchEvents } = this.#deps.limits;
    let bytes = 0;
    let events = 0;
    let count = 0;
    for (const { submission, bytes: size } of this.#queue) {
      if (count > 0 && (bytes + size > batchBytes || events + submission.events.length > batchEvents)) break;
      bytes += size;
      events += submission.events.length;
      count++;
    }
    this.#queuedBytes -= bytes;
    const taken = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    return taken;
  }

  async #commit(pending: readonly Pending[]): Promise<void> {
    try {
      await this.#commitTogether(pending);
    } catch (error) {
      // What is damaged, or a key that cannot be had, is one account's: the others' events must not fail with it.
      const isOnes = isKeysAway(error) || (error instanceof CairnError && error.code === 'CORRUPT');
      const apart = isOnes && pending.length > 1;
      if (apart) for (const one of pending) await this.#commitTogether([one]).catch(one.reject);
      else for (const { reject } of pending) reject(error);
    } finally {
      for (const { bytes } of pending) this.#bytes -= bytes;
    }
  }

  async #commitTogether(pending: readonly Pending[]): Promise<void> {
    const began = Date.now();
    const { committer, identities, limits, doorbell } = this.#deps;
    const intake = new Intake(
      pending.map(({ submission }) => submission),
      identities,
    );
    const deadline = Math.min(...pending.map(({ since }) => since)) + limits.timeoutMs;
    const { place, recorded, outcomes } = await committer.commit(intake, deadline);
    doorbell.ring({ epoch: place.epoch, position: place.first + recorded });
    this.#answer(pending, outcomes);
    const bytes = pending.reduce((sum, item) => sum + item.bytes, 0);
    this.#rate = this.#rate * 0.8 + (bytes / Math.max(1, Date.now() - began)) * 0.2;
  }

  #answer(pending: readonly Pending[], outcomes: readonly Outcome[]): void {
    if (pending.length === 1) {
      pending[0]?.resolve(outcomes);
      return;
    }
    let from = 0;
    for (const { submission, resolve } of pending) {
      resolve(outcomes.slice(from, from + submission.events.length));
      from += submission.events.length;
    }
  }

  /** Takes nothing more; resolves when everything taken is answered. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#active > 0 || this.#queue.length > 0) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
      });
    }
    clearTimeout(this.#timer);
    await this.#deps.doorbell.settled();
  }
}

/** The submission's raw bytes. Throws what a caller should have checked before: these are faults, not refusals. */
function checkSubmission({ source, received, refused, events }: Submission): number {
  const sourceBytes = Buffer.byteLength(source);
  if (sourceBytes === 0 || sourceBytes > MAX_SOURCE_BYTES) {
    throw new CairnError('INVALID_ARGUMENT', `A source has 1 to ${MAX_SOURCE_BYTES} bytes.`, {
      path: 'source',
    });
  }
  if (received !== events.length + refused || refused < 0) {
    throw new CairnError(
      'INVALID_ARGUMENT',
      `${received} received are not ${events.length} and ${refused} refused.`,
    );
  }
  if (events.length > MAX_SUBMISSION_EVENTS) throw tooLarge(`${MAX_SUBMISSION_EVENTS} events`);
  let bytes = 0;
  for (const { raw, account, eventTime } of events) {
    bytes += raw.length;
    if (!ACCOUNT_ID.test(account)) throw new CairnError('INVALID_ARGUMENT', 'An account has 12 digits.');
    if (!Number.isSafeInteger(eventTime) || eventTime < 0 || eventTime >= MAX_EVENT_TIME) {
      throw new CairnError('INVALID_ARGUMENT', 'An event time lies between 1970 and 7431.');
    }
  }
  if (bytes > MAX_SUBMISSION_BYTES) throw tooLarge(`${MAX_SUBMISSION_BYTES} bytes`);
  return bytes;
}

function tooLarge(limit: string): CairnError {
  return new CairnError('LIMIT_EXCEEDED', `One submission holds at most ${limit}.`);
}
