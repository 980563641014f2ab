import { LakeResolver } from '#subgraphs/lake/resolvers';
import { Account } from '#subgraphs/lake/schema';
import type { LakeService } from '#subgraphs/lake/service';
import type { SubgraphDefinition } from '#subgraphs/shared/build-subgraph';
import { ownAccount } from '#subgraphs/shared/own-account';

/** What is stored of an account; event data stores come to live here. */
export const lake: SubgraphDefinition<LakeService> = {
  name: 'lake',
  resolvers: [LakeResolver],
  entities: [Account],
  references: { Account: ownAccount },
};

export { LakeService } from '#subgraphs/lake/service';
export { StorageTally } from '#subgraphs/lake/storage-tally';
