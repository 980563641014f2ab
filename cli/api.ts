import { readFile } from 'node:fs/promises';
import { apiGauges } from '#cli/gauges';
import { openInstallation, openInstallationJournal } from '#cli/installation';
import type { Installation } from '#cli/installation';
import { limitRate } from '#cli/rate-limit';
import { createGateway } from '#gateway/create-gateway';
import type { OpenJournal } from '#journal/journal';
import { CheckpointReader } from '#journal/checkpoint-reader';
import type { Config } from '#platform/config';
import { healthRoutes } from '#platform/http/health';
import type { Route } from '#platform/http/routes';
import type { HttpServer } from '#platform/http/server';
import { startHttpServer } from '#platform/http/server';
import { currentRequest } from '#platform/request-context';
import type { Shutdown } from '#platform/shutdown';
import { STAGE } from '#platform/shutdown';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';
import { createBulkDoor, createEventsServices, events } from '#subgraphs/events/index';
import { InsightsService, insights } from '#subgraphs/insights/index';
import { LakeService, StorageTally, lake } from '#subgraphs/lake/index';
import { organization } from '#subgraphs/organization/index';
import type { Subgraph } from '#subgraphs/shared/build-subgraph';
import { buildSubgraph } from '#subgraphs/shared/build-subgraph';
import { createSubgraphDoor } from '#subgraphs/shared/subgraph-door';
import { TrailsService, trails } from '#subgraphs/trails/index';

/** Milliseconds that requests in hand may take when the process ends. */
const GRACE_MS = 15_000;

/** The process that answers: the gateway, the subgraphs with their own doors, and the bulk door. */
export async function runApi(config: Config, shutdown: Shutdown): Promise<HttpServer> {
  const installation = await openInstallation(config, 'api', shutdown);
  const journal = await openInstallationJournal(installation, shutdown);
  const history = new SqliteHistoryIndex(installation.layout.history, journal);
  shutdown.add({ name: 'history', stage: STAGE.services, timeout: 5_000, run: () => history.close() });
  apiGauges(installation, journal, history);
  const { telemetry } = installation;
  const services = createEventsServices({
    journal: {
      append: (submission) => telemetry.span('journal append', {}, () => journal.append(submission)),
      get: (places) => telemetry.span('journal get', {}, () => journal.get(places)),
      counters: () => journal.counters(),
    },
    history,
    accounts: installation.organization.accounts,
    eventIds: journal.eventIds,
    now: Date.now,
  });
  const rooms = buildRooms(installation, history, services);
  const routes = [
    ...(await graphqlRoutes(installation, rooms, shutdown)),
    bulkRoute(installation, services),
    ...healthRoutes({
      checks: checksOf(installation, journal, history),
      metrics: installation.telemetry.metrics,
      metricsNetworks: config.metricsNetworks,
      trustedProxies: config.trustedProxies,
      log: installation.log,
      stopping: () => shutdown.begun,
    }),
  ];
  const server = await startHttpServer({ ...config, tls: await tlsOf(config), routes, ...installation });
  shutdown.add({
    name: 'http',
    stage: STAGE.doors,
    timeout: GRACE_MS + 1_000,
    run: () => server.close(GRACE_MS),
  });
  return server;
}

type EventsServices = ReturnType<typeof createEventsServices>;

function buildRooms(
  { organization: service, journalDeps, log, pool }: Installation,
  history: SqliteHistoryIndex,
  services: EventsServices,
): readonly Subgraph[] {
  const { objects } = journalDeps;
  return [
    buildSubgraph(organization, { services: service, log }),
    buildSubgraph(events, { services, log }),
    buildSubgraph(trails, {
      services: new TrailsService(new CheckpointReader(pool, objects)),
      log,
    }),
    buildSubgraph(lake, { services: new LakeService({ journal: new StorageTally(objects), history }), log }),
    buildSubgraph(insights, { services: new InsightsService({ history, now: Date.now }), log }),
  ];
}

async function graphqlRoutes(
  { config, log, telemetry, organization: service }: Installation,
  subgraphs: readonly Subgraph[],
  shutdown: Shutdown,
): Promise<readonly Route[]> {
  const limits = { bodyBytes: config.maxGraphqlBytes, timeoutMs: config.requestSeconds * 1_000 };
  const authenticate = limitRate(
    (authorization) => service.authenticator.authenticate(authorization),
    config.requestsPerMinute,
  );
  const gateway = await createGateway({ subgraphs, authenticate, log, limits, telemetry });
  shutdown.add({ name: 'gateway', stage: STAGE.work, timeout: 5_000, run: () => gateway.dispose() });
  const doors = await Promise.all(
    subgraphs.map((subgraph) => createSubgraphDoor({ subgraph, authenticate, log, limits })),
  );
  for (const door of doors) {
    shutdown.add({ name: door.path, stage: STAGE.work, timeout: 5_000, run: () => door.dispose() });
  }
  const all = [{ path: '/graphql', door: gateway }, ...doors.map((door) => ({ path: door.path, door }))];
  return all.map(({ path, door }) => ({
    method: '*',
    path,
    maxBodyBytes: config.maxGraphqlBytes,
    handle: (request, response) => door.handle(request, response),
  }));
}

function bulkRoute({ config, log, organization: service }: Installation, services: EventsServices): Route {
  const door = createBulkDoor({
    authenticate: (authorization) => service.authenticator.authenticate(authorization),
    recorder: services.recorder,
    log,
    limits: { maxBytes: config.maxBulkBytes },
  });
  return {
    method: 'POST',
    path: '/v1/events',
    maxBodyBytes: config.maxBulkBytes,
    handle: (request, response) => door(request, response, currentRequest()?.requestId ?? ''),
  };
}

function checksOf({ pool }: Installation, journal: OpenJournal, history: SqliteHistoryIndex) {
  return {
    postgres: async () => {
      await pool.query('SELECT 1');
    },
    journal: async () => {
      await journal.head();
    },
    history: async () => {
      await history.freshness();
    },
  };
}

async function tlsOf({ tlsCert, tlsKey }: Config): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return { cert: await readFile(tlsCert), key: await readFile(tlsKey) };
}
