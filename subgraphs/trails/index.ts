import type { SubgraphDefinition } from '#subgraphs/shared/build-subgraph';
import { ownAccount } from '#subgraphs/shared/own-account';
import { TrailsResolver } from '#subgraphs/trails/resolvers';
import { Account } from '#subgraphs/trails/schema';
import type { TrailsService } from '#subgraphs/trails/service';

/** The log's checkpoints and public keys; trails themselves come to live here. */
export const trails: SubgraphDefinition<TrailsService> = {
  name: 'trails',
  resolvers: [TrailsResolver],
  entities: [Account],
  trail: { mutations: {}, reads: { publicKeys: [], checkpoint: ['size'] } },
  references: { Account: ownAccount },
};

export { TrailsService } from '#subgraphs/trails/service';
