import { ArgsType, Field, Float, Int, ObjectType, registerEnumType } from 'type-graphql';
import { FILTER_FIELDS, type FilterField } from '#domain/filter/filter';
import {
  HISTORY_INTERVALS,
  type HistoryInterval,
  type HistoryOrder,
} from '#projections/history/history-index';
import { EventFilterInput } from '#subgraphs/events/schema/filter-input';
import { DateTime, Long } from '#subgraphs/shared/scalars';

const named = <Name extends string>(names: readonly Name[]): Record<string, Name> =>
  Object.fromEntries(names.map((name) => [name, name]));

/** How the subgraph's words for orders are those of event history. */
export const EVENT_ORDERS = {
  EVENT_TIME_DESC: 'TIME_DESC',
  EVENT_TIME_ASC: 'TIME_ASC',
} as const satisfies Record<string, HistoryOrder>;
export type EventOrderName = keyof typeof EVENT_ORDERS;

export const EventOrder: Record<EventOrderName, EventOrderName> = {
  EVENT_TIME_DESC: 'EVENT_TIME_DESC',
  EVENT_TIME_ASC: 'EVENT_TIME_ASC',
};
registerEnumType(EventOrder, {
  name: 'EventOrder',
  description:
    'How events are listed. Events of the same second are in the order in which they were recorded.',
  valuesConfig: {
    EVENT_TIME_DESC: { description: 'The newest eventTime first.' },
    EVENT_TIME_ASC: { description: 'The oldest eventTime first.' },
  },
});

export const CountInterval: Record<string, HistoryInterval> = named(HISTORY_INTERVALS);
registerEnumType(CountInterval, {
  name: 'CountInterval',
  description: 'Length of a histogram’s intervals, in UTC.',
  valuesConfig: {
    MINUTE: { description: 'A minute.' },
    HOUR: { description: 'An hour.' },
    DAY: { description: 'A day, from midnight UTC.' },
    WEEK: { description: 'A week, from Monday (ISO 8601).' },
    MONTH: { description: 'A calendar month.' },
  },
});

export const EventField: Record<string, FilterField> = named(FILTER_FIELDS);
registerEnumType(EventField, {
  name: 'EventField',
  description: 'A field that events can be counted by; the names are those of EventFilterInput.',
  valuesConfig: {
    eventId: { description: 'The record’s own id.' },
    eventName: { description: 'What was done.' },
    eventSource: { description: 'The service that it was asked of.' },
    readOnly: { description: 'Whether it only read: `true` or `false`.' },
    username: { description: 'Who did it.' },
    principalArn: { description: 'userIdentity.arn.' },
    accessKeyId: { description: 'userIdentity.accessKeyId.' },
    resourceType: { description: 'Types of the resources; an event counts once for each.' },
    resourceName: { description: 'Names of the resources; an event counts once for each.' },
    resourceArn: { description: 'ARNs of the resources; an event counts once for each.' },
    account: { description: 'The account.' },
    region: { description: 'The region.' },
    sourceIPAddress: { description: 'Where the request came from.' },
    userAgent: { description: 'The program that asked.' },
    errorCode: { description: 'Why it failed.' },
    category: { description: 'What kind of record it is.' },
  },
});

@ArgsType()
export class EventCountsArgs {
  @Field(() => EventFilterInput, {
    nullable: true,
    description: 'Which events; all that the key sees when left out.',
  })
  filter?: EventFilterInput | null;

  @Field(() => EventField, { nullable: true, description: 'Count by the values of this field.' })
  groupBy?: FilterField | null;

  @Field(() => Int, { defaultValue: 10, description: 'How many groups, the largest: 1 to 1,000.' })
  top!: number;

  @Field(() => CountInterval, {
    nullable: true,
    description: 'Count over time; at most 10,000 intervals, LIMIT_EXCEEDED above.',
  })
  interval?: HistoryInterval | null;
}

@ObjectType({ description: 'How many events have one value of a field.' })
export class EventGroup {
  @Field(() => String, { nullable: true, description: 'The value; null for events without the field.' })
  value!: string | null;

  @Field(() => Long, { description: 'How many events.' })
  count!: number;
}

@ObjectType({ description: 'How many events happened in one interval.' })
export class EventBucket {
  @Field(() => DateTime, { description: 'The first instant of the interval.' })
  start!: Date;

  @Field(() => Long, { description: 'How many events.' })
  count!: number;
}

@ObjectType({ description: 'How many events a filter finds: in all, by value of a field, and over time.' })
export class EventCounts {
  @Field(() => Long, { description: 'All events that match.' })
  total!: number;

  @Field(() => [EventGroup], {
    description:
      'The largest groups first, when `groupBy` was given; those with equal counts by their value.',
  })
  groups!: EventGroup[];

  @Field(() => Boolean, { description: 'There are more groups than `top`.' })
  moreGroups!: boolean;

  @Field(() => [EventBucket], {
    description:
      'The oldest interval first, when `interval` was given; intervals without events are left out.',
  })
  buckets!: EventBucket[];
}

@ObjectType({ description: 'How far event history is behind what has been recorded.' })
export class HistoryFreshness {
  @Field(() => Long, {
    nullable: true,
    description:
      'Recorded events that history has not seen yet, of all accounts; null for keys that do not see them all.',
  })
  eventsBehind!: number | null;

  @Field(() => Float, { description: 'Seconds since the oldest of them was recorded; 0 when there is none.' })
  secondsBehind!: number;
}

@ObjectType({
  description:
    'What became of the events of one source since the beginning: received = accepted + duplicate + conflict + ' +
    'refused, exact across crashes.',
})
export class SourceCounters {
  @Field(() => String, {
    description:
      '`key:<id>` of an API key, `import:<name>` of an import, or `cairn` for what is done to Cairn itself.',
  })
  source!: string;

  @Field(() => Long, { description: 'Events that came in.' })
  received!: number;

  @Field(() => Long, { description: 'Events that were recorded.' })
  accepted!: number;

  @Field(() => Long, { description: 'Events that had been recorded before, with the same content.' })
  duplicate!: number;

  @Field(() => Long, {
    description: 'Events whose account, eventID and hour belong to another recorded event.',
  })
  conflict!: number;

  @Field(() => Long, { description: 'Events that were refused, each with a reason given to the sender.' })
  refused!: number;
}
