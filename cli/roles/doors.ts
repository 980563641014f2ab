import type { Ground } from '#cli/roles/ground';
import { REQUEST_COST } from '#cli/rate-limit';
import type { Principal } from '#domain/principal';
import { DEFAULT_LIMITS, type GraphqlLimits } from '#platform/graphql/limits';
import type { Route } from '#platform/http/routes';
import { currentRequest } from '#platform/request-context';
import { STAGE } from '#platform/shutdown';
import { createBulkDoor } from '#subgraphs/events/index';
import type { Subgraph } from '#subgraphs/shared/build-subgraph';
import { ENVELOPE_BYTES, createInternalDoor } from '#subgraphs/shared/internal-door';
import { type StreamAccess, createSubgraphDoor } from '#subgraphs/shared/subgraph-door';

export type Authenticate = (authorization: string | undefined) => Promise<Principal | null>;

export const BULK_PATH = '/v1/events';

export function graphqlLimits({ config }: Ground['base']): Partial<GraphqlLimits> {
  return { bodyBytes: config.maxGraphqlBytes, timeoutMs: config.requestSeconds * 1_000 };
}

/** Keys as every GraphQL door of a process checks them; a request costs before its body is read. */
export async function graphqlKeys(ground: Ground): Promise<Authenticate> {
  const authenticator = await ground.authenticator();
  return async (authorization) => {
    const principal = await authenticator.authenticate(authorization);
    if (principal !== null) ground.rates.queryCost(principal, REQUEST_COST);
    return principal;
  };
}

/** Who may open streams at a door of this process, and how many there may be. */
export async function streamAccess(ground: Ground, authenticate: Authenticate): Promise<StreamAccess> {
  const { authenticator, tickets } = await ground.keys();
  return {
    caps: ground.streams,
    keys: {
      authenticate,
      redeem: (ticket) => tickets.redeem(ticket),
      isLive: async ({ keyId }) => (await authenticator.liveKey(keyId)) !== null,
    },
  };
}

/** A door's streams end when it closes, before its other answers are waited for. */
export function closeStreamsFirst(
  ground: Ground,
  name: string,
  door: { closeStreams(): Promise<void> },
): void {
  const run = (): Promise<void> => door.closeStreams();
  ground.shutdown.add({ name: `streams of ${name}`, stage: STAGE.doors, timeout: 5_000, run });
}

/** A subgraph's own door, for callers with an API key. */
export async function subgraphRoute(
  ground: Ground,
  subgraph: Subgraph,
  authenticate: Authenticate,
): Promise<Route> {
  const { log, config } = ground.base;
  const hasStreams = subgraph.schema.getSubscriptionType() !== undefined;
  const streams = hasStreams ? await streamAccess(ground, authenticate) : undefined;
  const limits = graphqlLimits(ground.base);
  const door = await createSubgraphDoor({
    subgraph,
    authenticate,
    charge: ground.rates.queryCost,
    turns: ground.fairness.operations,
    log,
    limits,
    streams,
  });
  closeStreamsFirst(ground, door.path, door);
  ground.shutdown.add({ name: door.path, stage: STAGE.work, timeout: 5_000, run: () => door.dispose() });
  return {
    method: '*',
    path: door.path,
    maxBodyBytes: config.maxGraphqlBytes,
    handle: (request, response) => door.handle(request, response),
    upgrade: door.upgrade,
  };
}

/** The same for gateways in other processes, which sign what they ask. */
export async function internalRoute(ground: Ground, subgraph: Subgraph): Promise<Route> {
  const { config, log } = ground.base;
  const keys = await ground.internalKeys();
  const limits = { ...DEFAULT_LIMITS, ...graphqlLimits(ground.base) };
  const door = createInternalDoor({
    subgraph,
    keys,
    log,
    limits,
    turns: ground.fairness.operations,
  });
  closeStreamsFirst(ground, door.path, door);
  return {
    method: '*',
    path: door.path,
    maxBodyBytes: config.maxGraphqlBytes + ENVELOPE_BYTES,
    handle: (request, response) => door.handle(request, response),
  };
}

/** Events in bulk; bodies are bounded by their number and, where they are recorded, by their bytes. */
export async function bulkRoute(ground: Ground): Promise<Route> {
  const { config, log } = ground.base;
  const authenticator = await ground.authenticator();
  const { recorder } = await ground.events();
  const door = createBulkDoor({
    authenticate: (authorization) => authenticator.authenticate(authorization),
    recorder,
    log,
    limits: { maxBytes: config.maxBulkBytes },
  });
  return {
    method: 'POST',
    path: BULK_PATH,
    maxBodyBytes: config.maxBulkBytes,
    handle: (request, response) => door(request, response, currentRequest()?.requestId ?? ''),
  };
}
