import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { Account, AccountStorage } from '#subgraphs/lake/schema';
import type { LakeService, PartUsage } from '#subgraphs/lake/service';
import { oneByOne } from '#subgraphs/shared/one-by-one';
import { requireAccount, type SubgraphContext } from '#subgraphs/shared/context';

const inTurn = oneByOne<SubgraphContext<LakeService>>();

@Resolver(() => Account)
export class LakeResolver {
  @FieldResolver(() => AccountStorage)
  storage(
    @Root() { id }: Account,
    @Ctx() context: SubgraphContext<LakeService>,
  ): Promise<{ readonly parts: readonly PartUsage[] }> {
    requireAccount(context, id);
    return inTurn(context, () => context.services.storageOf(id));
  }
}
