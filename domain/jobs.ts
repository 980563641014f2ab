import { z } from 'zod';
import { ACCOUNT_ID, EXPORT_ID } from '#domain/ids';

/** How long to wait before the next attempt: always `delayMs`, or doubled after each failure. */
export interface BackOff {
  readonly kind: 'fixed' | 'exponential';
  /** Milliseconds before the second attempt. */
  readonly delayMs: number;
}

/** When a job runs without being asked to. Cron patterns have six fields (seconds first) and mean UTC. */
export type Schedule = { readonly everyMs: number } | { readonly cron: string };

/** What a job is called, what it is told, and how it is repeated. The work itself is a handler in workers/jobs. */
export interface JobDefinition<Payload = unknown> {
  readonly name: string;
  /** Parsed when a run is started and again when it is run. */
  readonly payload: z.ZodType<Payload>;
  /** Attempts before the run is DEAD. */
  readonly attempts: number;
  readonly backOff: BackOff;
  /** Scheduled runs get the empty payload. */
  readonly schedule?: Schedule;
  /**
   * Runs with the same key never work at the same time, in no process: others wait, and a scheduled one is
   * left out, because its work is being done.
   */
  readonly concurrencyKey?: (payload: Payload) => string;
  /** The account that a run concerns; its readers may see the run. */
  readonly account?: (payload: Payload) => string;
}

/** Definitions of any payload; method-style, so that every definition is one. */
export type AnyJobDefinition = Pick<JobDefinition, 'name' | 'attempts' | 'backOff' | 'schedule'>;

function job<Payload>(definition: JobDefinition<Payload>): JobDefinition<Payload> {
  return definition;
}

const nothing = z.strictObject({});
const HOUR = 3_600_000;

/** Every job of Cairn. A name is stored with its runs: never rename one. */
export const jobs = {
  /** Destroys an account's events, all of them or those of the months before `before`. */
  eraseAccount: job({
    name: 'eraseAccount',
    payload: z.strictObject({
      account: z.string().regex(ACCOUNT_ID),
      /** Milliseconds since 1970, the first instant of a month, UTC; absent = everything. */
      before: z.number().int().optional(),
    }),
    attempts: 10,
    backOff: { kind: 'exponential', delayMs: 2_000 },
    concurrencyKey: ({ account }) => `eraseAccount/${account}`,
    account: ({ account }) => account,
  }),
  /** Starts an erasure for every account whose retention has run out for another month. */
  applyRetention: job({
    name: 'applyRetention',
    payload: nothing,
    attempts: 3,
    backOff: { kind: 'exponential', delayMs: 10_000 },
    schedule: { everyMs: HOUR },
    concurrencyKey: () => 'applyRetention',
  }),
  /** Seals the journal's tail when it is due, and lets a quiet log show that it is alive (a checkpoint an hour). */
  sealTail: job({
    name: 'sealTail',
    payload: nothing,
    attempts: 1,
    backOff: { kind: 'fixed', delayMs: 1_000 },
    schedule: { everyMs: 2_000 },
    concurrencyKey: () => 'sealTail',
  }),
  /** Sees to the runs themselves: brings lost ones to the queue, gives up what it gave up, forgets old ones. */
  tendRuns: job({
    name: 'tendRuns',
    payload: nothing,
    attempts: 1,
    backOff: { kind: 'fixed', delayMs: 1_000 },
    schedule: { everyMs: 15_000 },
    concurrencyKey: () => 'tendRuns',
  }),
  /** Builds event history again from the journal. */
  rebuildHistory: job({
    name: 'rebuildHistory',
    payload: nothing,
    attempts: 5,
    backOff: { kind: 'exponential', delayMs: 5_000 },
    concurrencyKey: () => 'rebuildHistory',
  }),
  /** Writes the file of an export, part by part. */
  exportEvents: job({
    name: 'exportEvents',
    payload: z.strictObject({ export: z.string().regex(EXPORT_ID) }),
    attempts: 10,
    backOff: { kind: 'exponential', delayMs: 2_000 },
    concurrencyKey: (payload) => `exportEvents/${payload.export}`,
  }),
  /** Removes files whose time is over, and sees to exports that nobody works on any more. */
  tendExports: job({
    name: 'tendExports',
    payload: nothing,
    attempts: 1,
    backOff: { kind: 'fixed', delayMs: 1_000 },
    schedule: { everyMs: 30_000 },
    concurrencyKey: () => 'tendExports',
  }),
  /** Begins to send to webhooks what alerts have found and is due; never a run an event. */
  deliverAlerts: job({
    name: 'deliverAlerts',
    payload: nothing,
    attempts: 1,
    backOff: { kind: 'fixed', delayMs: 1_000 },
    schedule: { everyMs: 2_000 },
    concurrencyKey: () => 'deliverAlerts',
  }),
} as const;

/**
 * QUEUED: not begun. RUNNING. SUCCEEDED. FAILED: an attempt failed, the next one comes by itself.
 * DEAD: given up after the last attempt.
 */
export const JOB_STATES = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'DEAD'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** How far a run is, in the job's own units. */
export interface JobProgress {
  readonly done: number;
  readonly total: number | undefined;
}

/** What a job reports when it succeeded: figures and words for people, small. */
export type JobResult = Readonly<Record<string, string | number | boolean | null>>;

/** One run of a job, as the database knows it. Scheduled jobs have one run each, whose id is the job's name. */
export interface JobRun {
  readonly id: string;
  readonly name: string;
  readonly account: string | undefined;
  readonly state: JobState;
  readonly attempts: number;
  readonly progress: JobProgress | undefined;
  readonly result: JobResult | undefined;
  readonly error: string | undefined;
  readonly createdAt: Date;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
}

/** Which runs a list shows. */
export interface JobFilter {
  readonly states: readonly JobState[] | undefined;
  readonly name: string | undefined;
}

/** A place in the list of runs, the newest first. */
export interface JobCursor {
  readonly createdAt: Date;
  readonly id: string;
}

export interface JobSlice {
  readonly direction: 'forward' | 'backward';
  readonly cursor: JobCursor | undefined;
  readonly limit: number;
}

/** All runs, for those who look after the installation; implemented by workers/jobs. */
export interface JobBoard {
  /** The newest first; backward: the oldest before the cursor first. */
  list(filter: JobFilter, slice: JobSlice): Promise<readonly JobRun[]>;
  /** Begins a run anew that is DEAD; undefined when there is no such run, or it is not DEAD. */
  retry(id: string): Promise<JobRun | undefined>;
}

/** An idempotency key. Whole numbers are excluded: BullMQ keeps them for itself. */
export const JOB_RUN_ID = /^(?!\d+$)[A-Za-z0-9_-]{1,100}$/;

export interface StartOptions {
  /** The run's id: a second start with the same one answers the first run. Default: a new one. */
  readonly id?: string;
  /** A run of this id that is DEAD begins anew. */
  readonly revive?: boolean;
}

/** Starts jobs and tells what became of them; implemented by workers/jobs, used by the services. */
export interface JobDesk {
  /**
   * Durable when it resolves. A run of the same job with the same payload that has not begun yet is answered
   * instead of a second one. INVALID_ARGUMENT when the payload or the id is malformed.
   */
  start<Payload>(
    definition: JobDefinition<Payload>,
    payload: Payload,
    options?: StartOptions,
  ): Promise<JobRun>;
  find(id: string): Promise<JobRun | undefined>;
}
