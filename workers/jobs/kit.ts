import { Hopeless } from '#platform/queue/queue';
import type { AnyJobDefinition, JobDefinition, JobProgress, JobResult } from '#domain/jobs';

/** What a handler has at hand while it works. */
export interface JobContext {
  readonly runId: string;
  /** Aborts when the process ends or the run's lock was lost: stop at the next safe point by throwing. */
  readonly signal: AbortSignal;
  /** Shows how far the run is. Written about once a second at most, so it can be called often. */
  readonly progress: (progress: JobProgress) => Promise<void>;
}

/** Does a job's work. It must be able to be done again after any crash: at least once is what it gets. */
export type JobHandler<Payload> = (payload: Payload, context: JobContext) => Promise<JobResult>;

/** A job with its handler, its payload's type sealed in. */
export interface BoundJob {
  readonly definition: AnyJobDefinition;
  /** Throws Hopeless when the payload is not the definition's. */
  prepare(payload: unknown): PreparedJob;
}

export interface PreparedJob {
  readonly concurrencyKey: string | undefined;
  run(context: JobContext): Promise<JobResult>;
}

export function defineJob<Payload>(
  definition: JobDefinition<Payload>,
  handler: JobHandler<Payload>,
): BoundJob {
  return {
    definition,
    prepare(payload) {
      const parsed = definition.payload.safeParse(payload);
      if (!parsed.success)
        throw new Hopeless(`The payload of ${definition.name} is malformed.`, parsed.error);
      return {
        concurrencyKey: definition.concurrencyKey?.(parsed.data),
        run: (context) => handler(parsed.data, context),
      };
    },
  };
}

/**
 * The handlers by name. Throws, for the start of a process, when a definition has no handler or two, or a
 * handler no definition.
 */
export function bindJobs(
  definitions: readonly AnyJobDefinition[],
  bound: readonly BoundJob[],
): ReadonlyMap<string, BoundJob> {
  const defined = new Set(definitions.map((definition) => definition.name));
  const byName = new Map<string, BoundJob>();
  const faults: string[] = [];
  for (const job of bound) {
    const { name } = job.definition;
    if (!defined.has(name)) faults.push(`${name} is not among the definitions`);
    if (byName.has(name)) faults.push(`${name} has two handlers`);
    byName.set(name, job);
  }
  for (const name of defined) if (!byName.has(name)) faults.push(`${name} has no handler`);
  if (faults.length > 0) throw new Error(`Every job has exactly one handler, but ${faults.join(', ')}.`);
  return byName;
}
