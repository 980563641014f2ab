import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { recordEntries, type RecordedEntries } from '#subgraphs/events/record-request';
import { RecordEventsInput, RecordEventsPayload } from '#subgraphs/events/schema/recording';
import type { EventsServices } from '#subgraphs/events/service';
import type { SubgraphContext } from '#subgraphs/shared/context';

@Resolver()
export class RecordingResolver {
  @Mutation(() => RecordEventsPayload, {
    description:
      'Records events durably: when it answers, RECORDED events survive any crash. Sending the same events again ' +
      'is safe. TOO_MANY_REQUESTS, with `retryAfter` in seconds, when too much is waiting: nothing was recorded then.',
  })
  recordEvents(
    @Arg('input', () => RecordEventsInput, { description: 'The events.' }) input: RecordEventsInput,
    @Ctx() { services, principal }: SubgraphContext<EventsServices>,
  ): Promise<RecordedEntries> {
    return recordEntries(services.recorder, principal, input);
  }
}
