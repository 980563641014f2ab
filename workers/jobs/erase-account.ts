import { jobs } from '#domain/jobs';
import type { ErasureScope } from '#journal/types';
import { requireHere, type Held } from '#workers/jobs/elsewhere';
import { defineJob } from '#workers/jobs/kit';
import type { BoundJob } from '#workers/jobs/kit';

/** Whatever may hold events of an account. Erasing twice, or after a crash in the middle, is erasing once. */
export interface Eraser extends Held {
  /** For the run's error and the log: `journal`, `history`. */
  readonly name: string;
  /** Resolves when no trace is left. */
  erase(scope: ErasureScope): Promise<unknown>;
}

interface EraseAccountParts {
  /** Destroys the keys and writes the erasure record: first, so that no view can be filled again from it. */
  readonly journal: Eraser;
  /** Every projection, export and file beside the journal; each confirms by resolving. */
  readonly views: readonly Eraser[];
  /** Hears of it when nothing is left: what it records for the account then is not erased. */
  readonly onErased?: ((scope: ErasureScope, runId: string) => Promise<void>) | undefined;
}

export function eraseAccount({ journal, views, onErased }: EraseAccountParts): BoundJob {
  return defineJob(jobs.eraseAccount, async ({ account, before }, { runId, signal, progress }) => {
    requireHere(views);
    const erasers = [journal, ...views];
    for (const [done, eraser] of erasers.entries()) {
      signal.throwIfAborted();
      await progress({ done, total: erasers.length });
      await eraser.erase({ account, before });
    }
    await onErased?.({ account, before }, runId);
    await progress({ done: erasers.length, total: erasers.length });
    return { erased: erasers.map(({ name }) => name).join(', ') };
  });
}
