import { setTimeout as delay } from 'node:timers/promises';
import { alertsEraser, openAlertsProjection } from '#cli/alerts';
import { openExports } from '#cli/exports';
import { workTold } from '#cli/own-trail';
import { projectorGauges, putBackCounter } from '#cli/gauges';
import { isHistoryElsewhere, openHistoryProjection } from '#cli/history';
import type { Installation } from '#cli/installation';
import type { Ground } from '#cli/roles/ground';
import { drainOwnTrail } from '#cli/roles/own-trail';
import { openDeliverer } from '#cli/webhooks';
import type { OpenJournal } from '#journal/journal';
import type { Check } from '#platform/http/health';
import { STAGE } from '#platform/shutdown';
import type { Deliverer } from '#projections/alerts/deliveries/deliver';
import { startJobs } from '#workers/jobs/start-jobs';
import { createPostgresLeases } from '#workers/lease/store';
import { Projector, type ProjectorParts } from '#workers/project';

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
  const openProjector = projectors(ground, installation);
  const historyChecks = isHistoryElsewhere(installation.config) ? ground.lesserChecks : ground.checks;
  const history = openProjector(
    { projection: await openHistoryProjection(installation), journal },
    historyChecks,
    'projection',
  );
  // Recording and reading go on without it.
  openProjector(openAlertsProjection(installation, journal), ground.lesserChecks, 'alerts');
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
    history,
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

/** Makes the one that moves a projection here, with all that shows how it is. */
function projectors({ shutdown }: Ground, installation: Installation) {
  const { config, journalDeps, log } = installation;
  return (
    moved: Pick<ProjectorParts, 'projection' | 'journal' | 'pace'>,
    checks: Record<string, Check>,
    check: string,
  ): Projector => {
    const { name } = moved.projection;
    const onError = (error: Error): void => log.error({ err: error }, `${name}: a projection stopped`);
    const leases = createPostgresLeases({ connectionString: config.postgresUrl ?? '', onError });
    const projector = new Projector({ ...moved, pubsub: journalDeps.pubsub, leases, onError });
    projectorGauges(installation, projector);
    const stop = (): Promise<void> => projector.stop();
    shutdown.add({ name: `projection of ${name}`, stage: STAGE.work, timeout: GRACE_MS, run: stop });
    checks[check] = async () => {
      const { error } = projector.state();
      if (error !== undefined) throw error;
    };
    if (config.workerDuties.includes('projections')) projector.start();
    return projector;
  };
}

interface Working {
  readonly journal: OpenJournal;
  readonly history: Projector;
  readonly exports: Awaited<ReturnType<typeof openExports>>;
  readonly deliverer: Deliverer;
}

async function work(
  installation: Installation,
  { journal, history, exports, deliverer }: Working,
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
    views: [history, alertsEraser(installation), exports.keeper],
    exports,
    deliverer,
    sealer: journal.sealer,
    history,
    settings: () => organization.accounts.settings(),
  });
}
