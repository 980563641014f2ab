import { setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '#domain/errors';
import { newBatchId } from '#journal/append/batch-id';
import type { NewEvents } from '#journal/append/build';
import type { Decision } from '#journal/append/decisions';
import type { Intake } from '#journal/append/intake';
import type { CommitRow } from '#journal/store/log-store';
import { sqlFailure } from '#journal/store/sql-error';

/** A batch that was sent, and may have been recorded. */
export interface Attempt {
  readonly row: CommitRow;
  readonly decisions: readonly Decision[];
}

/** The head that commits are matched against. */
export interface ExpectedHead {
  readonly epoch: number;
  readonly erasures: number;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;
/** Lost races and erasures in a row: more is a fault. */
const MAX_REBUILDS = 50;

/** What one intake has been through. */
export class Run {
  readonly intake: Intake;
  /** Names the intake's kept refusals, and its first batch. */
  readonly id = newBatchId();
  readonly #deadline: number;
  /** What is to be sent, until it is lost. */
  attempt: Attempt | undefined;
  head: ExpectedHead = { epoch: 0, erasures: 0 };
  /** Attempts that PostgreSQL may know of. */
  readonly sent = new Set<Attempt>();
  /** An identity was taken: the next attempt looks them up. */
  collided = false;
  /** Refusals are kept under `id`, as an attempt decided that may have been lost. */
  kept = false;
  #rebuilds = 0;
  #pause = FIRST_PAUSE_MS;

  constructor(intake: Intake, deadline: number) {
    this.intake = intake;
    this.#deadline = deadline;
  }

  /**
   * A batch that is rebuilt gets another id, so that a lost connection's one, should it win after all, is told
   * from it by its events. One without events keeps the id: nothing else keeps it from being counted twice.
   */
  nextId(fresh: NewEvents): Buffer {
    return this.sent.size === 0 || fresh.order.length === 0 ? this.id : newBatchId();
  }

  adopt(attempt: Attempt): Attempt {
    this.attempt = attempt;
    return attempt;
  }

  rebuild(why: { readonly collided?: boolean }): void {
    this.attempt = undefined;
    this.collided ||= why.collided === true;
    if (++this.#rebuilds > MAX_REBUILDS) throw new CairnError('UNAVAILABLE', 'The batch lost every race.');
  }

  /** Throws what cannot pass, and UNAVAILABLE when the time is up. */
  countFailure(error: unknown, fatal: boolean): void {
    if (fatal) throw error;
    if (Date.now() >= this.#deadline) {
      throw new CairnError('UNAVAILABLE', 'The journal could not write in time.', {
        retryAfter: 5,
        cause: error,
      });
    }
  }

  async pause(): Promise<void> {
    await delay(this.#pause);
    this.#pause = Math.min(LONGEST_PAUSE_MS, this.#pause * 2);
  }

  /** Repeats a question until it is answered or the time is up. */
  async patiently<Result>(question: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await question();
      } catch (error) {
        this.countFailure(error, sqlFailure(error) !== 'repeat');
        await this.pause();
      }
    }
  }
}
