import { JOB_RUN_ID } from '#domain/jobs';
import type { AnyJobDefinition, JobBoard } from '#domain/jobs';
import type { Queue } from '#platform/queue/queue';
import { enqueue } from '#workers/jobs/desk';
import type { JobLog } from '#workers/jobs/runner';
import type { JobStore } from '#workers/jobs/store';

interface BoardParts {
  readonly queue: Queue;
  readonly store: JobStore;
  readonly definitions: readonly AnyJobDefinition[];
  readonly log: JobLog;
}

/** All runs, and another chance for those that were given up. */
export function createJobBoard({ queue, store, definitions, log }: BoardParts): JobBoard {
  return {
    list: (filter, slice) => store.list(filter, slice),
    retry: async (id) => {
      const run = JOB_RUN_ID.test(id) ? await store.find(id) : undefined;
      const definition = definitions.find(({ name }) => name === run?.name);
      if (definition === undefined) return undefined;
      const revived = await store.revive(id);
      if (revived === undefined) return undefined;
      const begun = await store.find(id);
      try {
        await enqueue({ queue, store }, definition, revived);
      } catch (error) {
        // The row says that it is open again: whoever tends the runs brings it to the queue.
        log.error({ job: definition.name, run: id, err: error }, 'job not queued yet');
      }
      return begun;
    },
  };
}
