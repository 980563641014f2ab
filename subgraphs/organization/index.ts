import type { MikroORM } from '#platform/db';
import type { ErrorLog } from '#platform/graphql/present-error';
import { Authenticator } from '#subgraphs/organization/authenticator';
import {
  AccountResolver,
  ApiKeyResolver,
  StreamTicketResolver,
  WorkResolver,
} from '#subgraphs/organization/resolvers';
import type { OrganizationService } from '#subgraphs/organization/service';
import type { KeyWatch } from '#subgraphs/organization/key-watch';
import { StreamTickets } from '#subgraphs/organization/stream-tickets';
import { OrganizationStore } from '#subgraphs/organization/store';
import { organizationTrail } from '#subgraphs/organization/trail';
import { batchPerRequest } from '#subgraphs/shared/batch';
import type { SubgraphDefinition } from '#subgraphs/shared/build-subgraph';
import type { SubgraphContext } from '#subgraphs/shared/context';

const accountById = batchPerRequest((ids: readonly string[], context: SubgraphContext<OrganizationService>) =>
  context.services.accounts.findAll(context.principal, ids),
);

/** Accounts, API keys, and the work that is done for the whole installation. Owns the entity Account. */
export const organization: SubgraphDefinition<OrganizationService> = {
  name: 'organization',
  resolvers: [AccountResolver, ApiKeyResolver, StreamTicketResolver, WorkResolver],
  trail: organizationTrail,
  references: { Account: ({ id }, context) => accountById(id, context) },
};

/** For a process that checks keys and has no other business with organization. The ORM stays the caller's to close. */
export function createKeys({
  orm,
  log,
  watch,
}: {
  /** Over ORGANIZATION_ENTITIES at least. */
  readonly orm: MikroORM;
  readonly log: ErrorLog;
  readonly watch: KeyWatch;
}): { readonly authenticator: Authenticator; readonly tickets: StreamTickets } {
  const store = new OrganizationStore(orm.em);
  const authenticator = new Authenticator({ store, now: Date.now, log, watch });
  return { authenticator, tickets: new StreamTickets({ store, authenticator, now: Date.now, watch }) };
}

export type { KeyWatch } from '#subgraphs/organization/key-watch';
export type { StreamTickets } from '#subgraphs/organization/stream-tickets';
export type { Authenticator } from '#subgraphs/organization/authenticator';
export { OrganizationService } from '#subgraphs/organization/service';
export { ORGANIZATION_ENTITIES } from '#subgraphs/organization/store';
