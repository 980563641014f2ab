import { setTimeout as delay } from 'node:timers/promises';
import { openExports } from '#cli/exports';
import { workTold } from '#cli/own-trail';
import { projectorGauges, putBackCounter } from '#cli/gauges';
import { isHistoryElsewhere, openHistoryProjection } from '#cli/history';
import type { Installation } from '#cli/installation';
import type { Ground } from '#cli/roles/ground';
import { drainOwnTrail } from '#cli/roles/own-trail';
import { openDeliverer } from '#cli/webhooks';
import type { OpenJournal } from '#journal/journal';
import { STAGE } from '#platform/shutdown';
import type { Deliverer } from '#projections/alerts/deliveries/deliver';
import { startJobs } from '#workers/jobs/start-jobs';
import { createPostgresLeases } from '#workers/lease/store';
import { Projector } from '#workers/project';

/** Milliseconds that a slice or a job in hand may take when the process ends. */
const GRACE_MS = 30_000;
/** And that sealing what is left may take. */
const LAST_SEAL_MS = 5_000;

/** What works behind the answers: seals the tail, moves the projections, runs the jobs. */
export async function openWorker(ground: Ground): Promise<void> {
  const installation = await ground.installation();
  const journal = await ground.journal();
  const { workerDuties } = installation.config;
  await journal.resumeErasures();
  const endDrain = await drainOwnTrail(ground, journal);
  const projector = await createProjector(installation, journal);
  const stop = (): Promise<void> => projector.stop();
  ground.shutdown.add({ name: 'projection', stage: STAGE.work, timeout: GRACE_MS, run: stop });
  const checks = isHistoryElsewhere(installation.config) ? ground.lesserChecks : ground.checks;
  checks['projection'] = async () => {
    const { error } = projector.state();
    if (error !== undefined) throw error;
  };
  if (workerDuties.includes('projections')) projector.start();
  // What the process says last is recorded by itself, and sealed with the rest.
  const lastWords = async (): Promise<void> => {
    await ground.endTrail();
    await endDrain();
  };
  if (!workerDuties.includes('jobs')) {
    ground.shutdown.add({ name: 'last words', stage: STAGE.rest, timeout: LAST_SEAL_MS, run: lastWords });
    return;
  }
  sealAtEnd(ground, journal, lastWords);
  await work(installation, {
    journal,
    projector,
    exports: await openExports(installation, journal, ground.shutdown),
    deliverer: await openDeliverer(installation, journal, ground.shutdown),
  });
}

/** What was taken in until the end lies in objects then, where a copy of the folder finds it. Nothing depends on it. */
function sealAtEnd({ base, shutdown }: Ground, journal: OpenJournal, before: () => Promise<void>): void {
  const seal = async (): Promise<void> => {
    const late = delay(LAST_SEAL_MS, 'late' as const, { ref: false });
    try {
      await Promise.race([before(), late]);
      const done = await Promise.race([journal.sealer.sealTail({ force: true }), late]);
      if (done === 'late') base.log.warn('the tail could not be sealed in time; the next worker does it');
    } catch (error) {
      base.log.warn({ err: error }, 'the tail could not be sealed; the next worker does it');
    }
  };
  shutdown.add({ name: 'last seal', stage: STAGE.rest, timeout: LAST_SEAL_MS + 1_000, run: seal });
}

async function createProjector(installation: Installation, journal: OpenJournal): Promise<Projector> {
  const { config, journalDeps, log } = installation;
  const projection = await openHistoryProjection(installation);
  const onError = (error: Error): void => log.error({ err: error }, 'history: a projection stopped');
  const leases = createPostgresLeases({ connectionString: config.postgresUrl ?? '', onError });
  const projector = new Projector({ projection, journal, pubsub: journalDeps.pubsub, leases, onError });
  projectorGauges(installation, projector);
  return projector;
}

interface Working {
  readonly journal: OpenJournal;
  readonly projector: Projector;
  readonly exports: Awaited<ReturnType<typeof openExports>>;
  readonly deliverer: Deliverer;
}

async function work(
  installation: Installation,
  { journal, projector, exports, deliverer }: Working,
): Promise<void> {
  const { jobs, log, organization, telemetry } = installation;
  await startJobs({
    ...jobs,
    log,
    telemetry,
    putBack: putBackCounter(installation),
    ...workTold(installation.ownTrail),
    journal: {
      name: 'journal',
      erase: async (scope) => {
        await journal.erase(scope);
      },
    },
    // Exports last: what is written anew then reads views that hold nothing of it any more.
    views: [projector, exports.keeper],
    exports,
    deliverer,
    sealer: journal.sealer,
    history: projector,
    settings: () => organization.accounts.settings(),
  });
}
