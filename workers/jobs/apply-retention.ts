import { INSTALLATION_ACCOUNT } from '#domain/ids';
import { jobs } from '#domain/jobs';
import type { JobDesk } from '#domain/jobs';
import { retentionCutOff } from '#domain/month';
import type { AccountSettings } from '#domain/organization';
import type { ErasureScope } from '#journal/types';
import { defineJob } from '#workers/jobs/kit';
import type { BoundJob } from '#workers/jobs/kit';

interface ApplyRetentionParts {
  /** The accounts that have set something. */
  readonly settings: () => Promise<readonly AccountSettings[]>;
  readonly desk: Pick<JobDesk, 'start' | 'find'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Hears of each erasure that is to begin; after a crash in between, twice. */
  readonly onApplied?: ((scope: ErasureScope) => Promise<void>) | undefined;
}

/**
 * Starts one erasure an account and month: the run's id names both, so that every later round finds it done.
 * One that was given up is tried again.
 */
export function applyRetention({ settings, desk, now, onApplied }: ApplyRetentionParts): BoundJob {
  return defineJob(jobs.applyRetention, async (_, { signal }) => {
    let accounts = 0;
    for (const { account, retentionMonths } of await settings()) {
      if (retentionMonths === undefined || account === INSTALLATION_ACCOUNT) continue;
      signal.throwIfAborted();
      const before = retentionCutOff(now(), retentionMonths);
      const month = new Date(before).toISOString().slice(0, 7);
      const id = `retention-${account}-${month}`;
      if ((await desk.find(id)) === undefined) await onApplied?.({ account, before });
      await desk.start(jobs.eraseAccount, { account, before }, { id, revive: true });
      accounts++;
    }
    return { accounts };
  });
}
