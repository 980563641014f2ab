import { ArgsType, Field, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { LOOKUP_ATTRIBUTE_KEYS, type LookupAttributeKey } from '#domain/lookup';
import { Event } from '#subgraphs/events/schema/event';
import { AccountId, DateTime } from '#subgraphs/shared/scalars';

export const LookupKey: Record<string, LookupAttributeKey> = Object.fromEntries(
  LOOKUP_ATTRIBUTE_KEYS.map((key) => [key, key]),
);
registerEnumType(LookupKey, {
  name: 'LookupAttributeKey',
  description: 'What CloudTrail’s LookupEvents can look events up by.',
  valuesConfig: {
    EventId: { description: 'The record’s eventID.' },
    EventName: { description: 'What was done.' },
    ReadOnly: { description: '`true` or `false`.' },
    Username: { description: 'Who did it.' },
    ResourceType: { description: 'Type of a resource.' },
    ResourceName: { description: 'Name or ARN of a resource.' },
    EventSource: { description: 'The service that it was asked of.' },
    AccessKeyId: { description: 'The access key that signed the request.' },
  },
});

@InputType({ description: 'One attribute of LookupEvents.' })
export class LookupAttributeInput {
  @Field(() => LookupKey, { description: 'What to compare.' })
  key!: LookupAttributeKey;

  @Field(() => String, { description: 'The value that it must have, 1 to 2,000 characters, case-sensitive.' })
  value!: string;
}

@ArgsType()
export class LookupArgs {
  @Field(() => [LookupAttributeInput], {
    nullable: true,
    description: 'At most one attribute; use `events` for more. INVALID_LOOKUP_ATTRIBUTES otherwise.',
  })
  lookupAttributes?: LookupAttributeInput[] | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The first instant, inclusive. INVALID_TIME_RANGE when it lies after endTime.',
  })
  startTime?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'The last instant, inclusive.' })
  endTime?: Date | null;

  @Field(() => String, {
    nullable: true,
    description: '`insight` for Insights events; leave it out for management events.',
  })
  eventCategory?: string | null;

  @Field(() => Int, { nullable: true, description: '1 to 50, 50 by default. INVALID_MAX_RESULTS otherwise.' })
  maxResults?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'From the page before, with the same other arguments. INVALID_NEXT_TOKEN otherwise.',
  })
  nextToken?: string | null;

  @Field(() => AccountId, {
    nullable: true,
    description: 'Only events of this account; without it, of all accounts that the key sees.',
  })
  account?: string | null;
}

@ObjectType({ description: 'A resource as LookupEvents shows it.' })
export class LookupResource {
  @Field(() => String, { nullable: true, description: 'Type, such as `AWS::S3::Bucket`.' })
  resourceType!: string | null;

  @Field(() => String, { nullable: true, description: 'Name.' })
  resourceName!: string | null;
}

@ObjectType({ description: 'An event as CloudTrail’s LookupEvents shows it.' })
export class LookupEvent {
  @Field(() => String, { description: 'The record’s eventID.' })
  eventId!: string;

  @Field(() => String, { nullable: true, description: 'What was done.' })
  eventName!: string | null;

  @Field(() => String, { nullable: true, description: '`true` or `false`, as text.' })
  readOnly!: string | null;

  @Field(() => String, { nullable: true, description: 'The access key that signed the request.' })
  accessKeyId!: string | null;

  @Field(() => DateTime, { description: 'When it happened.' })
  eventTime!: Date;

  @Field(() => String, { nullable: true, description: 'The service that it was asked of.' })
  eventSource!: string | null;

  @Field(() => String, { nullable: true, description: 'Who did it.' })
  username!: string | null;

  @Field(() => [LookupResource], { description: 'The resources that the record names.' })
  resources!: LookupResource[];

  @Field(() => String, {
    nullable: true,
    description: 'The whole record, as JSON text. Null, with an error, when it cannot be read (`Event.raw`).',
  })
  cloudTrailEvent!: string | null;

  @Field(() => Event, { description: 'The same event with all its fields.' })
  event!: Event;
}

@ObjectType({ description: 'A page of LookupEvents, newest first.' })
export class LookupResult {
  @Field(() => [LookupEvent], { description: 'At most `maxResults` events.' })
  events!: LookupEvent[];

  @Field(() => String, { nullable: true, description: 'For the next page; null on the last.' })
  nextToken!: string | null;
}
