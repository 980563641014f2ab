import { setTimeout } from 'node:timers/promises';
import type { KindSchedule, Queue } from '#platform/queue/queue';
import type { JobLog } from '#workers/jobs/runner';

interface KeeperParts {
  readonly queue: Queue;
  readonly schedules: readonly KindSchedule[];
  readonly log: JobLog;
  readonly putBack?: PutBack | undefined;
  /** Milliseconds between two looks at the queue; 10,000 unless told. */
  readonly everyMs?: number | undefined;
}

/** Hears of what the queue had forgotten and was given again. */
export type PutBack = (what: 'run' | 'schedule', count: number) => void;

const EVERY_MS = 10_000;

/**
 * The queue may be a Redis that forgets everything, or be away when this process starts; which schedules there
 * are stands in our code. They are set up by the first round that reaches the queue and looked after until it
 * closes; lost runs come back with them, because a schedule tends those. Resolves after the first round.
 */
export async function keepSchedules(parts: KeeperParts): Promise<void> {
  const isSetUp = await attempt(parts, () => setUp(parts));
  // Never rejects: every failure of a round is told, and the next one comes.
  void goOn(parts, isSetUp);
}

async function goOn(parts: KeeperParts, wasSetUp: boolean): Promise<void> {
  const { closing } = parts.queue;
  for (let isSetUp = wasSetUp; ;) {
    await setTimeout(parts.everyMs ?? EVERY_MS, undefined, { signal: closing }).catch(nothing);
    if (closing.aborted) return;
    if (isSetUp) await attempt(parts, () => restore(parts));
    else isSetUp = await attempt(parts, () => setUp(parts));
  }
}

async function setUp({ queue, schedules }: KeeperParts): Promise<void> {
  for (const { kind, schedule } of schedules) await queue.schedule(kind, schedule);
  await queue.keepSchedules(schedules.map(({ kind }) => kind.name));
}

async function restore({ queue, schedules, log, putBack }: KeeperParts): Promise<void> {
  const count = await queue.restoreSchedules(schedules);
  if (count === 0) return;
  putBack?.('schedule', count);
  log.info({ schedules: count }, 'the queue had forgotten schedules; they are put back');
}

async function attempt({ queue, log }: KeeperParts, round: () => Promise<void>): Promise<boolean> {
  try {
    await round();
    return true;
  } catch (error) {
    if (!queue.closing.aborted) log.error({ err: error }, 'the queue cannot be reached; schedules wait');
    return false;
  }
}

/** The pause ends early when the queue closes. */
function nothing(): void {}
