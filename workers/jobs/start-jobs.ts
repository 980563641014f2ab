import { jobs } from '#domain/jobs';
import type { JobDesk } from '#domain/jobs';
import type { AccountSettings } from '#domain/organization';
import type { ErasureScope } from '#journal/types';
import type { Queue } from '#platform/queue/queue';
import type { Telemetry } from '#platform/telemetry';
import type { Deliverer } from '#projections/alerts/deliveries/deliver';
import type { ExportKeeper } from '#projections/export/keep-exports';
import type { ExportWriter } from '#projections/export/write-export';
import { applyRetention } from '#workers/jobs/apply-retention';
import { deliverAlerts } from '#workers/jobs/deliver-alerts';
import { eraseAccount } from '#workers/jobs/erase-account';
import type { Eraser } from '#workers/jobs/erase-account';
import type { PutBack } from '#workers/jobs/keep-schedules';
import { exportEvents, tendExports } from '#workers/jobs/export-events';
import { bindJobs } from '#workers/jobs/kit';
import { rebuildHistory } from '#workers/jobs/rebuild-history';
import type { HistoryRebuilder } from '#workers/jobs/rebuild-history';
import { runJobs } from '#workers/jobs/runner';
import type { JobLog } from '#workers/jobs/runner';
import { sealTail } from '#workers/jobs/seal-tail';
import type { TailSealer } from '#workers/jobs/seal-tail';
import type { JobStore } from '#workers/jobs/store';
import { tendRuns } from '#workers/jobs/tend-runs';

/** What the jobs of the product work with. */
export interface JobParts {
  readonly queue: Queue;
  readonly store: JobStore;
  readonly desk: JobDesk;
  readonly log: JobLog;
  readonly telemetry?: Pick<Telemetry, 'span'>;
  readonly journal: Eraser;
  /** Every projection, export and file that holds events beside the journal. */
  readonly views: readonly Eraser[];
  readonly sealer: TailSealer;
  readonly history: HistoryRebuilder;
  readonly exports: {
    readonly writer: Pick<ExportWriter, 'write'>;
    readonly keeper: Pick<ExportKeeper, 'tend'>;
  };
  readonly deliverer: Pick<Deliverer, 'begin' | 'inFlight'>;
  readonly putBack?: PutBack;
  /** Hear of erasures that are done, and of those that retention begins. */
  readonly onErased?: (scope: ErasureScope, runId: string) => Promise<void>;
  readonly onRetention?: (scope: ErasureScope) => Promise<void>;
  /** What accounts have set; organization knows. */
  readonly settings: () => Promise<readonly AccountSettings[]>;
}

/** Checks that every job has its handler, sets up the schedules and works until the queue closes. */
export async function startJobs(parts: JobParts): Promise<void> {
  const { queue, store, desk } = parts;
  const definitions = Object.values(jobs);
  const bound = [
    eraseAccount(parts),
    applyRetention({ settings: parts.settings, desk, now: Date.now, onApplied: parts.onRetention }),
    sealTail(parts.sealer),
    rebuildHistory(parts.history),
    exportEvents(parts.exports.writer),
    tendExports(parts.exports.keeper),
    deliverAlerts(parts.deliverer),
    tendRuns({ queue, store, definitions, putBack: parts.putBack }),
  ];
  await runJobs({ ...parts, jobs: bindJobs(definitions, bound) });
}
