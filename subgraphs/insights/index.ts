import { InsightsResolver } from '#subgraphs/insights/resolvers';
import { Account } from '#subgraphs/insights/schema';
import type { InsightsService } from '#subgraphs/insights/service';
import type { SubgraphDefinition } from '#subgraphs/shared/build-subgraph';
import { ownAccount } from '#subgraphs/shared/own-account';

/** Rates of events; what is out of the ordinary comes to be found here. */
export const insights: SubgraphDefinition<InsightsService> = {
  name: 'insights',
  resolvers: [InsightsResolver],
  entities: [Account],
  references: { Account: ownAccount },
};

export { InsightsService } from '#subgraphs/insights/service';
