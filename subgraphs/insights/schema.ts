import { ArgsType, Directive, Field, Float, ObjectType, registerEnumType } from 'type-graphql';
import { RATE_INTERVALS, type RateInterval as Interval } from '#subgraphs/insights/service';
import { AccountId, DateTime, Long } from '#subgraphs/shared/scalars';

export const RateInterval: Record<string, Interval> = Object.fromEntries(
  RATE_INTERVALS.map((interval) => [interval, interval]),
);
registerEnumType(RateInterval, {
  name: 'RateInterval',
  description: 'Length of the intervals of a rate, in UTC.',
  valuesConfig: {
    MINUTE: { description: 'A minute.' },
    HOUR: { description: 'An hour.' },
    DAY: { description: 'A day, from midnight UTC.' },
  },
});

@ArgsType()
export class EventRateArgs {
  @Field(() => RateInterval, { defaultValue: 'HOUR', description: 'Length of the intervals.' })
  interval!: Interval;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The first instant; 24 intervals before `to` when left out.',
  })
  from?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'The instant behind the last; now when left out.' })
  to?: Date | null;
}

@ObjectType({ description: 'How many events happened in one interval.' })
export class EventRatePoint {
  @Field(() => DateTime, { description: 'The first instant of the interval.' })
  start!: Date;

  @Field(() => Long, { description: 'Events of the interval that lie between `from` and `to`.' })
  events!: number;

  @Field(() => Float, { description: 'The same per minute of the interval.' })
  perMinute!: number;
}

@ObjectType({ description: 'How many events of an account happened over time, by eventTime.' })
export class EventRate {
  @Field(() => DateTime, { description: 'The first instant that is counted.' })
  from!: Date;

  @Field(() => DateTime, { description: 'The instant behind the last that is counted.' })
  to!: Date;

  @Field(() => Long, { description: 'All events between `from` and `to`.' })
  total!: number;

  @Field(() => [EventRatePoint], {
    description: 'Every interval between them, the oldest first, also those without events; at most 1,500.',
  })
  points!: EventRatePoint[];
}

@Directive('@key(fields: "id")')
@ObjectType({ description: 'An account of this installation: 12 digits, as in AWS.' })
export class Account {
  @Field(() => AccountId, { description: 'The account’s id.' })
  id!: string;

  @Field(() => EventRate, {
    nullable: true,
    description:
      'How many events the account has over time, from event history. INVALID_TIME_RANGE when `from` is not ' +
      'before `to`, LIMIT_EXCEEDED for more than 1,500 intervals.',
  })
  eventRate!: EventRate | null;
}
