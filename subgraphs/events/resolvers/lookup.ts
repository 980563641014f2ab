import { Args, Ctx, Query, Resolver } from 'type-graphql';
import { lookUpEvents } from '#subgraphs/events/lookup-events';
import type { EventNode } from '#subgraphs/events/event-node';
import { LookupArgs, LookupResult } from '#subgraphs/events/schema/lookup';
import type { EventsServices } from '#subgraphs/events/service';
import type { SubgraphContext } from '#subgraphs/shared/context';

@Resolver()
export class LookupResolver {
  @Query(() => LookupResult, {
    description:
      'CloudTrail’s LookupEvents with its own rules: management or Insights events of the last 90 days, one ' +
      'attribute, newest first. `events` has none of these limits.',
  })
  async lookupEvents(
    @Args(() => LookupArgs) { lookupAttributes, ...args }: LookupArgs,
    @Ctx() { services, principal }: SubgraphContext<EventsServices>,
  ) {
    const query = { ...args, attributes: lookupAttributes };
    const { nodes, nextToken } = await lookUpEvents(services.reader, principal, {
      query,
      now: services.now(),
    });
    return { nextToken, events: nodes.map(shown) };
  }
}

function shown(event: EventNode) {
  const { eventId, eventName, readOnly, accessKeyId, eventTime, eventSource, username } = event.fields;
  return {
    eventId,
    eventName,
    accessKeyId,
    eventTime,
    eventSource,
    username,
    readOnly: readOnly === undefined ? null : String(readOnly),
    resources: event.fields.resources.map(({ type, name }) => ({ resourceType: type, resourceName: name })),
    get cloudTrailEvent() {
      return event.raw;
    },
    event,
  };
}
