import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { openWorker } from '#cli/worker';
import { bulkRoute, graphqlKeys, internalRoute, subgraphRoute } from '#cli/roles/doors';
import { exportRoute } from '#cli/roles/export-doors';
import { gatewayRoutes } from '#cli/roles/gateway';
import { Ground } from '#cli/roles/ground';
import { once } from '#cli/roles/once';
import type { Authenticate } from '#cli/roles/doors';
import type { Role, Roles, SubgraphName } from '#cli/roles/roles';
import { Rooms } from '#cli/roles/rooms';
import type { Config } from '#platform/config';
import { healthRoutes } from '#platform/http/health';
import type { Route } from '#platform/http/routes';
import type { HttpServer } from '#platform/http/server';
import { startHttpServer } from '#platform/http/server';
import type { Shutdown } from '#platform/shutdown';
import { STAGE } from '#platform/shutdown';

/** Milliseconds that requests in hand may take when the process ends. */
const GRACE_MS = 15_000;

/** What the roles of a process share while they are opened. */
interface House {
  readonly ground: Ground;
  readonly rooms: Rooms;
  readonly keys: () => Promise<Authenticate>;
}

/** What each role adds to the server of its process. */
const DOORS: Readonly<Record<Role, (house: House) => Promise<readonly Route[]>>> = {
  gateway: async ({ ground, rooms, keys }) => gatewayRoutes(ground, rooms, await keys()),
  organization: (house) => openSubgraph(house, 'organization'),
  events: async (house) => [
    ...(await openSubgraph(house, 'events')),
    await bulkRoute(house.ground),
    await exportRoute(house.ground),
  ],
  trails: (house) => openSubgraph(house, 'trails'),
  lake: (house) => openSubgraph(house, 'lake'),
  insights: (house) => openSubgraph(house, 'insights'),
  worker: async ({ ground }) => {
    await openWorker(ground);
    return [];
  },
};

/** Runs these roles in this process, on one server at the address of the configuration, until the shutdown. */
export async function serveRoles(config: Config, roles: Roles, shutdown: Shutdown): Promise<HttpServer> {
  const ground = new Ground(config, roles, shutdown);
  const house = { ground, rooms: new Rooms(ground), keys: once(() => graphqlKeys(ground)) };
  const routes: Route[] = [];
  for (const role of roles) routes.push(...(await DOORS[role](house)));
  return listen(ground, routes);
}

async function openSubgraph({ ground, rooms, keys }: House, name: SubgraphName): Promise<readonly Route[]> {
  const subgraph = await rooms.build(name);
  const open = await subgraphRoute(ground, subgraph, await keys());
  // Whoever holds the gateway too is asked by nobody else.
  return ground.roles.has('gateway') ? [open] : [open, await internalRoute(ground, subgraph)];
}

async function listen(
  { base, checks, lesserChecks, shutdown }: Ground,
  routes: readonly Route[],
): Promise<HttpServer> {
  const { config, log, telemetry } = base;
  const health = healthRoutes({
    checks,
    lesserChecks,
    metrics: telemetry.metrics,
    metricsNetworks: config.metricsNetworks,
    trustedProxies: config.trustedProxies,
    log,
    stopping: () => shutdown.begun,
  });
  const server = await startHttpServer({
    ...config,
    tls: await tlsOf(config),
    routes: [...routes, ...health],
    log,
    telemetry,
  });
  // Nobody sends anything to a worker.
  const drainMs = routes.length === 0 ? 0 : config.drainSeconds * 1_000;
  const close = async (): Promise<void> => {
    server.drain();
    await delay(drainMs);
    await server.close(GRACE_MS);
  };
  shutdown.add({ name: 'http', stage: STAGE.doors, timeout: drainMs + GRACE_MS + 1_000, run: close });
  return server;
}

async function tlsOf({ tlsCert, tlsKey }: Config): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return { cert: await readFile(tlsCert), key: await readFile(tlsKey) };
}
