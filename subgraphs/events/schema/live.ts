import { ArgsType, Field, ID, ObjectType } from 'type-graphql';
import { Event } from '#subgraphs/events/schema/event';
import { EventFilterInput } from '#subgraphs/events/schema/filter-input';
import { DateTime } from '#subgraphs/shared/scalars';

@ObjectType({ description: 'An event that was recorded, as a subscriber is told.' })
export class EventRecorded {
  @Field(() => ID, {
    description:
      'Where to go on: as `after` of another subscription it gives all that was recorded behind this event. It is ' +
      'the event’s own id.',
  })
  cursor!: string;

  @Field(() => Event, {
    description: 'The event, with all of its own fields. `account` has its id only.',
  })
  event!: Event;
}

@ArgsType()
export class EventRecordedArgs {
  @Field(() => EventFilterInput, {
    nullable: true,
    description: 'Which events, as in `events`; all that the key sees when left out.',
  })
  filter?: EventFilterInput | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'First all that was recorded behind the event of this cursor (`EventRecorded.cursor`, `Event.id`), then what ' +
      'comes. Left out: from now on. The order is that of recording, not of eventTime, so late events are not missed.',
  })
  after?: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'Instead of `after`: first all that was recorded at or after this instant (`Event.receivedAt`).',
  })
  since?: Date | null;
}
