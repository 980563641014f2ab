import { Arg, Ctx, FieldResolver, Query, Resolver } from 'type-graphql';
import { Long } from '#subgraphs/shared/scalars';
import type { SubgraphContext } from '#subgraphs/shared/context';
import { Account, LogCheckpoint, LogPublicKey } from '#subgraphs/trails/schema';
import type { PublicKey, SignedCheckpoint, TrailsService } from '#subgraphs/trails/service';

type Context = SubgraphContext<TrailsService>;

@Resolver(() => Account)
export class TrailsResolver {
  @FieldResolver(() => LogCheckpoint)
  latestCheckpoint(@Ctx() { services }: Context): Promise<SignedCheckpoint | null> {
    return services.latestCheckpoint();
  }

  @Query(() => [LogPublicKey], {
    description:
      'The keys that sign the log’s checkpoints, oldest first. Keep them outside the installation.',
  })
  async publicKeys(@Ctx() { services }: Context): Promise<readonly PublicKey[]> {
    return services.publicKeys();
  }

  @Query(() => LogCheckpoint, {
    nullable: true,
    description: 'The checkpoint of just so many records; null when none was signed for that number.',
  })
  checkpoint(
    @Arg('size', () => Long, { description: 'How many records.' }) size: number,
    @Ctx() { services }: Context,
  ): Promise<SignedCheckpoint | null> {
    return services.checkpoint(size);
  }
}
