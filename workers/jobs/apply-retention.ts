import { INSTALLATION_ACCOUNT } from '#domain/ids';
import { jobs } from '#domain/jobs';
import type { JobDesk } from '#domain/jobs';
import { retentionCutOff } from '#domain/month';
import type { AccountSettings } from '#domain/organization';
import { defineJob } from '#workers/jobs/kit';
import type { BoundJob } from '#workers/jobs/kit';

interface ApplyRetentionParts {
  /** The accounts that have set something. */
  readonly settings: () => Promise<readonly AccountSettings[]>;
  readonly desk: Pick<JobDesk, 'start'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Starts one erasure an account and month: the run's id names both, so that every later round finds it done.
 * One that was given up is tried again.
 */
export function applyRetention({ settings, desk, now }: ApplyRetentionParts): BoundJob {
  return defineJob(jobs.applyRetention, async (_, { signal }) => {
    let accounts = 0;
    for (const { account, retentionMonths } of await settings()) {
      if (retentionMonths === undefined || account === INSTALLATION_ACCOUNT) continue;
      signal.throwIfAborted();
      const before = retentionCutOff(now(), retentionMonths);
      const month = new Date(before).toISOString().slice(0, 7);
      await desk.start(
        jobs.eraseAccount,
        { account, before },
        { id: `retention-${account}-${month}`, revive: true },
      );
      accounts++;
    }
    return { accounts };
  });
}
