import { Args, Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { Account, EventRate, EventRateArgs } from '#subgraphs/insights/schema';
import type { InsightsService, Rate } from '#subgraphs/insights/service';
import { requireAccount, type SubgraphContext } from '#subgraphs/shared/context';

@Resolver(() => Account)
export class InsightsResolver {
  @FieldResolver(() => EventRate)
  eventRate(
    @Root() { id }: Account,
    @Args(() => EventRateArgs) query: EventRateArgs,
    @Ctx() context: SubgraphContext<InsightsService>,
  ): Promise<Rate> {
    requireAccount(context, id);
    return context.services.eventRate(id, query);
  }
}
