import { openInstallation, openInstallationJournal } from '#cli/installation';
import type { Installation } from '#cli/installation';
import { projectorGauges } from '#cli/gauges';
import type { OpenJournal } from '#journal/journal';
import type { Config } from '#platform/config';
import { healthRoutes } from '#platform/http/health';
import type { HttpServer } from '#platform/http/server';
import { startHttpServer } from '#platform/http/server';
import type { Shutdown } from '#platform/shutdown';
import { STAGE } from '#platform/shutdown';
import { HistoryProjection } from '#projections/history/history-projection';
import { startJobs } from '#workers/jobs/start-jobs';
import { createPostgresLeases } from '#workers/lease/store';
import { Projector } from '#workers/project';

/** Milliseconds that a slice or a job in hand may take when the process ends. */
const GRACE_MS = 30_000;

/** The process that works behind the answers: seals the tail, moves the projections, runs the jobs. */
export async function runWorker(config: Config, shutdown: Shutdown): Promise<HttpServer> {
  const installation = await openInstallation(config, 'worker', shutdown);
  const journal = await openInstallationJournal(installation, shutdown);
  await journal.resumeErasures();
  const projector = createProjector(installation, journal);
  shutdown.add({
    name: 'history',
    stage: STAGE.work,
    timeout: GRACE_MS,
    run: () => projector.stop(),
  });
  if (config.workerDuties.includes('projections')) projector.start();
  if (config.workerDuties.includes('jobs')) await work(installation, journal, projector);
  return serveHealth(installation, projector, shutdown);
}

function createProjector(installation: Installation, journal: OpenJournal): Projector {
  const { config, layout, journalDeps, log, settings } = installation;
  const projection = new HistoryProjection(layout.history, {
    categories: config.historyCategories,
    retentionDays: (account) => settings.of(account)?.historyDays ?? config.historyDays,
    now: Date.now,
  });
  const onError = (error: Error): void => log.error({ err: error }, 'history: a projection stopped');
  const leases = createPostgresLeases({ connectionString: config.postgresUrl ?? '', onError });
  const projector = new Projector({ projection, journal, pubsub: journalDeps.pubsub, leases, onError });
  projectorGauges(installation, projector);
  return projector;
}

async function work(installation: Installation, journal: OpenJournal, projector: Projector): Promise<void> {
  const { jobs, log, organization, telemetry } = installation;
  await startJobs({
    ...jobs,
    log,
    telemetry,
    journal: {
      name: 'journal',
      erase: async (scope) => {
        await journal.erase(scope);
      },
    },
    views: [projector],
    sealer: journal.sealer,
    history: projector,
    settings: () => organization.accounts.settings(),
  });
}

/** Health and metrics, on the loopback: nothing of the worker is for callers. */
async function serveHealth(
  installation: Installation,
  projector: Projector,
  shutdown: Shutdown,
): Promise<HttpServer> {
  const { config, log, pool, telemetry } = installation;
  const routes = healthRoutes({
    checks: {
      postgres: async () => {
        await pool.query('SELECT 1');
      },
      history: async () => {
        const { error } = projector.state();
        if (error !== undefined) throw error;
      },
    },
    metrics: telemetry.metrics,
    metricsNetworks: config.metricsNetworks,
    trustedProxies: config.trustedProxies,
    log,
    stopping: () => shutdown.begun,
  });
  const server = await startHttpServer({
    ...config,
    host: '127.0.0.1',
    port: config.workerPort,
    tls: undefined,
    routes,
    log,
    telemetry,
  });
  shutdown.add({ name: 'http', stage: STAGE.services, timeout: 2_000, run: () => server.close(1_000) });
  return server;
}
