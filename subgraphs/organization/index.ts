import { AccountResolver, ApiKeyResolver, WorkResolver } from '#subgraphs/organization/resolvers';
import type { OrganizationService } from '#subgraphs/organization/service';
import { batchPerRequest } from '#subgraphs/shared/batch';
import type { SubgraphDefinition } from '#subgraphs/shared/build-subgraph';
import type { SubgraphContext } from '#subgraphs/shared/context';

const accountById = batchPerRequest((ids: readonly string[], context: SubgraphContext<OrganizationService>) =>
  context.services.accounts.findAll(context.principal, ids),
);

/** Accounts, API keys, and the work that is done for the whole installation. Owns the entity Account. */
export const organization: SubgraphDefinition<OrganizationService> = {
  name: 'organization',
  resolvers: [AccountResolver, ApiKeyResolver, WorkResolver],
  references: { Account: ({ id }, context) => accountById(id, context) },
};

export { OrganizationService } from '#subgraphs/organization/service';
export { ORGANIZATION_ENTITIES } from '#subgraphs/organization/store';
