import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { Account, AccountStorage } from '#subgraphs/lake/schema';
import type { LakeService, PartUsage } from '#subgraphs/lake/service';
import { requireAccount, type SubgraphContext } from '#subgraphs/shared/context';

@Resolver(() => Account)
export class LakeResolver {
  @FieldResolver(() => AccountStorage)
  storage(
    @Root() { id }: Account,
    @Ctx() context: SubgraphContext<LakeService>,
  ): Promise<{ readonly parts: readonly PartUsage[] }> {
    requireAccount(context, id);
    return context.services.storageOf(id);
  }
}
