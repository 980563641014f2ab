import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { CairnError } from '#domain/errors';
import { JOB_RUN_ID } from '#domain/jobs';
import type { AnyJobDefinition, JobDefinition, JobDesk, JobRun, StartOptions } from '#domain/jobs';
import type { Queue, QueuePlace } from '#platform/queue/queue';
import type { JobLog } from '#workers/jobs/runner';
import type { JobStore } from '#workers/jobs/store';

interface DeskParts {
  readonly queue: Queue;
  readonly store: JobStore;
  readonly log: JobLog;
}

/** Starts jobs. The row comes first, so that nothing is lost: what does not reach the queue, tend-runs brings there. */
export function createJobDesk(parts: DeskParts): JobDesk {
  return {
    start: (definition, payload, options) => start(parts, definition, { payload, ...options }),
    // What cannot be an id is not asked for: PostgreSQL would refuse a text with U+0000.
    find: async (id) => (JOB_RUN_ID.test(id) ? parts.store.find(id) : undefined),
  };
}

async function start<Payload>(
  parts: DeskParts,
  definition: JobDefinition<Payload>,
  options: StartOptions & { readonly payload: Payload },
): Promise<JobRun> {
  const payload = parse(definition, options.payload);
  const id = options.id ?? randomUUID();
  if (!JOB_RUN_ID.test(id))
    throw new CairnError('INVALID_ARGUMENT', 'The id of a run is malformed.', { path: 'id' });
  const account = definition.account?.(payload);
  const { run, isNew } = await parts.store.insert({ id, name: definition.name, account, payload });
  if (run.name !== definition.name) {
    throw new CairnError('CONFLICT', 'A run of another job has this id.', { path: 'id' });
  }
  if (isNew) await tryEnqueue(parts, definition, { id: run.id, payload });
  if (isNew || run.state !== 'DEAD' || options.revive !== true) return run;
  return await revive(parts, definition, run);
}

function parse<Payload>(definition: JobDefinition<Payload>, payload: Payload): Payload {
  const parsed = definition.payload.safeParse(payload);
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path.join('.');
  throw new CairnError('INVALID_ARGUMENT', `The payload of ${definition.name} is malformed.`, {
    path,
    cause: parsed.error,
  });
}

async function revive(parts: DeskParts, definition: AnyJobDefinition, run: JobRun): Promise<JobRun> {
  const revived = await parts.store.revive(run.id);
  const begun = await parts.store.find(run.id);
  if (revived !== undefined) await tryEnqueue(parts, definition, revived);
  return begun ?? run;
}

interface QueueEntry {
  readonly id: string;
  readonly payload: unknown;
}

/** The run is safe in its row: a queue that is away delays it, no more. */
async function tryEnqueue(parts: DeskParts, definition: AnyJobDefinition, run: QueueEntry): Promise<void> {
  try {
    await enqueue(parts, definition, run);
  } catch (error) {
    parts.log.error({ job: definition.name, run: run.id, err: error }, 'job not queued yet');
  }
}

/** Brings a run that is not done to the queue, whatever the queue remembers of it. */
export async function enqueue(
  { queue, store }: Pick<DeskParts, 'queue' | 'store'>,
  definition: AnyJobDefinition,
  run: QueueEntry,
): Promise<void> {
  const place = await placeAfterAttempt(queue, run.id);
  // Still at work: whoever tends the runs brings it to the queue when that attempt has ended.
  if (place === 'active') return;
  if (place === 'dead') await queue.revive(run.id);
  else {
    // Told that it is done while its row says it is not: the row counts.
    if (place === 'done') await queue.forget(run.id);
    await queue.add(definition, run.payload, { id: run.id });
  }
  await store.enqueued(run.id);
}

const ATTEMPT_END_MS = 50;
const ATTEMPT_END_TRIES = 40;

/** A run's row says that an attempt ended a moment before the queue does. */
async function placeAfterAttempt(queue: Queue, id: string): Promise<QueuePlace> {
  let place = await queue.find(id);
  for (let tries = 0; place === 'active' && tries < ATTEMPT_END_TRIES; tries++) {
    await setTimeout(ATTEMPT_END_MS);
    place = await queue.find(id);
  }
  return place;
}
