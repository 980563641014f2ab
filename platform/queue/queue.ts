/** What the queue must know of a job; domain/jobs.ts definitions are of this shape. */
export interface JobKind {
  readonly name: string;
  /** Attempts before the job becomes a dead letter; at least 1. */
  readonly attempts: number;
  readonly backOff: { readonly kind: 'fixed' | 'exponential'; readonly delayMs: number };
}

/** Cron patterns have six fields (seconds first) and mean UTC. */
export type JobSchedule = { readonly everyMs: number } | { readonly cron: string };

export interface KindSchedule {
  readonly kind: JobKind;
  readonly schedule: JobSchedule;
}

/** A job as its handler meets it. */
export interface QueuedJob {
  readonly id: string;
  readonly name: string;
  /** JSON as it was added; the handler checks it. */
  readonly payload: unknown;
  /** 1 for the first attempt. An attempt whose process died does not count. */
  readonly attempt: number;
  /** A failure of this attempt makes the job a dead letter. */
  readonly lastAttempt: boolean;
  /** Made by a schedule, not by `add`. */
  readonly scheduled: boolean;
  /** Aborts when the queue closes: stop at the next safe point; the job is tried again later. */
  readonly signal: AbortSignal;
}

/** Resolves when the job is done; a rejection is a failed attempt, a `Postponed` is not. */
export type QueueHandler = (job: QueuedJob) => Promise<void>;

/** Thrown by a handler: not now, again in `delayMs`; the attempt is not counted. */
export class Postponed extends Error {
  readonly delayMs: number;

  constructor(delayMs: number) {
    super(`postponed by ${delayMs} ms`);
    this.name = 'Postponed';
    this.delayMs = delayMs;
  }
}

/** Thrown by a handler: no attempt can succeed; the job becomes a dead letter at once. */
export class Hopeless extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'Hopeless';
  }
}

/** A job that was given up, kept until it is revived. */
export interface DeadLetter {
  readonly id: string;
  readonly name: string;
  readonly payload: unknown;
  readonly reason: string;
}

/** Where a job is. `unknown`: never added, or done and forgotten. */
export type QueuePlace = 'pending' | 'active' | 'done' | 'dead' | 'unknown';

export interface QueueCounts {
  readonly pending: number;
  readonly active: number;
  readonly dead: number;
}

/**
 * Work that must be done once, later, by some process. At least once: a job whose process dies is given to
 * another. Outcomes belong into a table of ours: nobody waits on the queue for them.
 */
export interface Queue {
  /** Aborts when `close` is called. */
  readonly closing: AbortSignal;
  /** A job with an id that the queue holds already is left as it is. The id is no whole number, without `:`. */
  add(kind: JobKind, payload: unknown, options: { readonly id: string }): Promise<void>;
  /** Adds the job again and again, from any number of processes once; a changed schedule replaces the old one. */
  schedule(kind: JobKind, schedule: JobSchedule): Promise<void>;
  /** Ends the schedules of all other names, left by an older version. */
  keepSchedules(names: readonly string[]): Promise<void>;
  /**
   * Sets up again those that the queue has forgotten, or whose next round was lost; how many. Others are left as
   * they are, so that any number of processes may call it often.
   */
  restoreSchedules(schedules: readonly KindSchedule[]): Promise<number>;
  /** Starts to take jobs; once per queue. Jobs that no handler is named for become dead letters. */
  process(handlers: ReadonlyMap<string, QueueHandler>): Promise<void>;
  find(id: string): Promise<QueuePlace>;
  deadLetters(limit: number): Promise<readonly DeadLetter[]>;
  /** Gives a dead letter a fresh series of attempts; false when there is none of this id. */
  revive(id: string): Promise<boolean>;
  /** Forgets a job that nobody works on, so that its id can be added again; false when it could not. */
  forget(id: string): Promise<boolean>;
  counts(): Promise<QueueCounts>;
  /** Takes no more jobs, aborts the running ones' signal and waits for them, at most the grace period. */
  close(): Promise<void>;
}
