import { Gauge } from 'prom-client';
import { BULK_PATH, closeStreamsFirst, graphqlLimits, streamAccess } from '#cli/roles/doors';
import type { Authenticate } from '#cli/roles/doors';
import { exportProxyRoute } from '#cli/roles/export-doors';
import type { Ground } from '#cli/roles/ground';
import type { SubgraphName } from '#cli/roles/roles';
import { SUBGRAPH_NAMES } from '#cli/roles/roles';
import type { Rooms } from '#cli/roles/rooms';
import { eventNameOf } from '#domain/own-events';
import { createBulkProxy } from '#gateway/bulk-proxy';
import { createGateway } from '#gateway/create-gateway';
import { remoteSubgraph } from '#gateway/remote-subgraph';
import type { GatewaySubgraph } from '#gateway/subgraph';
import type { Route } from '#platform/http/routes';
import { Upstream } from '#platform/http/upstream';
import { STAGE } from '#platform/shutdown';

/** The gateway over the subgraphs of this process, and those of others where CAIRN_SUBGRAPHS says they are. */
export async function gatewayRoutes(
  ground: Ground,
  rooms: Rooms,
  authenticate: Authenticate,
): Promise<readonly Route[]> {
  const { config, log, telemetry } = ground.base;
  const upstreams = openUpstreams(ground);
  const subgraphs: GatewaySubgraph[] = [];
  for (const name of SUBGRAPH_NAMES) {
    const upstream = upstreams.get(name);
    subgraphs.push(
      upstream === undefined ? await rooms.build(name) : await remote(ground, rooms.sdlOf(name), upstream),
    );
  }
  const limits = graphqlLimits(ground.base);
  const streams = await streamAccess(ground, authenticate);
  const { recorder } = (await ground.keys()).ownTrail;
  const gateway = await createGateway({
    subgraphs,
    authenticate,
    charge: ground.rates.queryCost,
    turns: ground.fairness.operations,
    slices: ground.fairness.slices,
    streams,
    log,
    limits,
    telemetry,
    onForbidden: (caller, field) =>
      recorder.refused({ operation: eventNameOf(field), code: 'FORBIDDEN', caller }),
  });
  closeStreamsFirst(ground, 'the gateway', gateway);
  ground.shutdown.add({ name: 'gateway', stage: STAGE.work, timeout: 5_000, run: () => gateway.dispose() });
  const graphql: Route = {
    method: '*',
    path: '/graphql',
    maxBodyBytes: config.maxGraphqlBytes,
    handle: (request, response) => gateway.handle(request, response),
    upgrade: gateway.upgrade,
  };
  const events = upstreams.get('events');
  if (events === undefined) return [graphql];
  const handle = createBulkProxy({ upstream: events, telemetry });
  const bulk: Route = { method: 'POST', path: BULK_PATH, maxBodyBytes: config.maxBulkBytes, handle };
  return [graphql, bulk, exportProxyRoute(ground, events)];
}

/** One for every subgraph that is not of this process. */
function openUpstreams(ground: Ground): ReadonlyMap<SubgraphName, Upstream> {
  const { config, log, telemetry } = ground.base;
  const upstreams = new Map<SubgraphName, Upstream>();
  for (const name of SUBGRAPH_NAMES) {
    if (ground.roles.has(name)) continue;
    const upstream = new Upstream({ name, origins: config.subgraphs[name] ?? [], log });
    const close = (): Promise<void> => upstream.close();
    ground.shutdown.add({
      name: `connections to ${name}`,
      stage: STAGE.services,
      timeout: 5_000,
      run: close,
    });
    ground.checks[`subgraph ${name}`] = async () => {
      if (upstream.available === 0) throw new Error(`No process of ${name} answers.`);
    };
    upstreams.set(name, upstream);
  }
  if (upstreams.size > 0) {
    new Gauge({
      name: 'cairn_subgraph_processes',
      help: 'Processes of a subgraph that answer this gateway.',
      labelNames: ['subgraph'],
      registers: [telemetry.metrics],
      collect() {
        for (const [name, { available }] of upstreams) this.set({ subgraph: name }, available);
      },
    });
  }
  return upstreams;
}

async function remote(ground: Ground, sdl: string, upstream: Upstream): Promise<GatewaySubgraph> {
  const { config, log, telemetry } = ground.base;
  const keys = await ground.internalKeys();
  const timeoutMs = config.requestSeconds * 1_000;
  return remoteSubgraph({ name: upstream.name, sdl, upstream, keys, log, telemetry, timeoutMs });
}
