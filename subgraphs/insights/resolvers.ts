import { Args, Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { Account, EventRate, EventRateArgs } from '#subgraphs/insights/schema';
import type { InsightsService, Rate } from '#subgraphs/insights/service';
import { oneByOne } from '#subgraphs/shared/one-by-one';
import { requireAccount, type SubgraphContext } from '#subgraphs/shared/context';

const inTurn = oneByOne<SubgraphContext<InsightsService>>();

@Resolver(() => Account)
export class InsightsResolver {
  @FieldResolver(() => EventRate)
  eventRate(
    @Root() { id }: Account,
    @Args(() => EventRateArgs) query: EventRateArgs,
    @Ctx() context: SubgraphContext<InsightsService>,
  ): Promise<Rate> {
    requireAccount(context, id);
    return inTurn(context, () => context.services.eventRate(id, query));
  }
}
