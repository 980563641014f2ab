import { Args, Resolver, Root, Subscription } from 'type-graphql';
import type { LiveEvent } from '#subgraphs/events/live/live-event';
import { EventRecorded, EventRecordedArgs } from '#subgraphs/events/schema/live';
import type { EventsServices } from '#subgraphs/events/service';
import type { SubgraphContext } from '#subgraphs/shared/context';

/** What type-graphql hands over; it leaves arguments and context untyped. */
interface Start {
  readonly args: EventRecordedArgs;
  readonly context: SubgraphContext<EventsServices>;
}

function follow({ args: { filter, after, since }, context }: Start): Promise<AsyncGenerator<LiveEvent>> {
  const { services, principal, signal } = context;
  return services.live.follow(principal, { filter, after, since: since?.getTime() }, signal);
}

@Resolver()
export class LiveResolver {
  @Subscription(() => EventRecorded, {
    subscribe: follow,
    description:
      'Events of the accounts that the key sees, as they are recorded, in the order of recording, each once. Asked ' +
      'over WebSocket (graphql-transport-ws) or as server-sent events (graphql-sse, distinct connections). A ' +
      'subscriber that does not keep up is cut off with SLOW_CONSUMER, whose `extensions.cursor` is the `after` to ' +
      'go on with; CURSOR_EXPIRED when a restore has lost what the cursor stands for.',
  })
  eventRecorded(
    @Root() event: LiveEvent,
    @Args(() => EventRecordedArgs) _args: EventRecordedArgs,
  ): LiveEvent {
    return event;
  }
}
