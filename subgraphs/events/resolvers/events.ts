import { Arg, Args, Ctx, ID, Query, Resolver } from 'type-graphql';
import type { HistoryCounts } from '#projections/history/history-index';
import type { EventNode } from '#subgraphs/events/event-node';
import { Event, EventConnection } from '#subgraphs/events/schema/event';
import { EventFilterInput } from '#subgraphs/events/schema/filter-input';
import {
  EVENT_ORDERS,
  EventCounts,
  EventCountsArgs,
  EventOrder,
  type EventOrderName,
  HistoryFreshness,
  SourceCounters,
} from '#subgraphs/events/schema/history';
import type { EventsServices } from '#subgraphs/events/service';
import { type ConnectionOf, PageArgs, pageOf, toConnection } from '#subgraphs/shared/connection';
import { oneByOne } from '#subgraphs/shared/one-by-one';
import type { SubgraphContext } from '#subgraphs/shared/context';

type Context = SubgraphContext<EventsServices>;

const PAGE_SIZES = { default: 50, max: 200 };
const FILTER = 'Which events; all that the key sees when left out.';

@Resolver()
export class EventsResolver {
  @Query(() => EventConnection, {
    description:
      'Events of the accounts that the key sees, by eventTime; 50 a page by default, 200 at most. Cursors stay ' +
      'valid and in place while events arrive. Columns of a list are cheap; `raw` and what only the record has ' +
      'are read when asked for, at most 32 MB a request.',
  })
  async events(
    @Arg('filter', () => EventFilterInput, { nullable: true, description: FILTER })
    filter: EventFilterInput | null,
    @Arg('orderBy', () => EventOrder, {
      defaultValue: 'EVENT_TIME_DESC',
      description: 'The order of the list.',
    })
    orderBy: EventOrderName,
    @Args(() => PageArgs) args: PageArgs,
    @Ctx() { services, principal }: Context,
  ): Promise<ConnectionOf<EventNode>> {
    const page = pageOf(args, PAGE_SIZES);
    const { nodes, more } = await services.reader.search(principal, filter, {
      order: EVENT_ORDERS[orderBy],
      page,
    });
    return toConnection({ page, nodes, more, cursorOf: ({ id }) => id });
  }

  @Query(() => Event, {
    nullable: true,
    description: 'One event; null when there is none, it was erased, or the key does not see its account.',
  })
  event(
    @Arg('id', () => ID, { description: 'Cairn’s id of the event (`Event.id`).' }) id: string,
    @Ctx() { services, principal }: Context,
  ): Promise<EventNode | null> {
    return services.reader.byId(principal, id);
  }

  @Query(() => HistoryFreshness, { description: 'How far event history is behind what has been recorded.' })
  historyFreshness(@Ctx() { services, principal }: Context): Promise<HistoryFreshness> {
    return services.reader.freshness(principal);
  }

  @Query(() => [SourceCounters], {
    description:
      'What became of the events of each source. Keys of all accounts see every source, others their own.',
  })
  async sourceCounters(@Ctx() { services, principal }: Context): Promise<readonly SourceCounters[]> {
    return services.reader.sourceCounters(principal);
  }
}

const inTurn = oneByOne<Context>();

@Resolver()
export class EventCountsResolver {
  @Query(() => EventCounts, {
    description: 'Counts the events of the accounts that the key sees: totals, facets and histograms.',
  })
  eventCounts(
    @Args(() => EventCountsArgs) { filter, groupBy, top, interval }: EventCountsArgs,
    @Ctx() context: Context,
  ): Promise<HistoryCounts> {
    const { services, principal } = context;
    const how = { top, groupBy: groupBy ?? undefined, interval: interval ?? undefined };
    return inTurn(context, () => services.reader.counts(principal, filter, how));
  }
}
