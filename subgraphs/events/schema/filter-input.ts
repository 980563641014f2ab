import { Field, InputType } from 'type-graphql';
import type { EventCategory as Category } from '#domain/event';
import { EventCategory } from '#subgraphs/events/schema/event';
import { AccountId, DateTime } from '#subgraphs/shared/scalars';

const EXISTS = 'true: the record has the field; false: it does not.';
const CASE = 'Upper and lower case matter.';

@InputType({
  description:
    'Conditions on a text field; several are joined by AND. A record without the field fits only `exists: false`.',
})
export class TextFilterInput {
  @Field(() => String, { nullable: true, description: `Exactly this text. ${CASE}` })
  equals?: string | null;

  @Field(() => [String], { nullable: true, description: `One of 1 to 100 texts. ${CASE}` })
  in?: string[] | null;

  @Field(() => String, { nullable: true, description: `Begins with these 3 or more characters. ${CASE}` })
  prefix?: string | null;

  @Field(() => Boolean, { nullable: true, description: EXISTS })
  exists?: boolean | null;
}

@InputType({ description: 'Conditions on where a request came from; several are joined by AND.' })
export class AddressFilterInput {
  @Field(() => String, {
    nullable: true,
    description: 'This address, in any of its spellings, or this name of a service.',
  })
  equals?: string | null;

  @Field(() => [String], { nullable: true, description: 'One of 1 to 100 addresses or names.' })
  in?: string[] | null;

  @Field(() => String, { nullable: true, description: 'Begins with these 3 or more characters.' })
  prefix?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Lies in this network, written like `10.0.0.0/8` or `2001:db8::/32`.',
  })
  cidr?: string | null;

  @Field(() => Boolean, { nullable: true, description: EXISTS })
  exists?: boolean | null;
}

@InputType({ description: 'Conditions on a yes-or-no field; both are joined by AND.' })
export class BooleanFilterInput {
  @Field(() => Boolean, { nullable: true, description: 'The record says exactly this.' })
  equals?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: EXISTS })
  exists?: boolean | null;
}

@InputType({ description: 'Conditions on the account; accounts that the key does not see never match.' })
export class AccountFilterInput {
  @Field(() => AccountId, { nullable: true, description: 'This account.' })
  equals?: string | null;

  @Field(() => [AccountId], { nullable: true, description: 'One of 1 to 100 accounts.' })
  in?: string[] | null;
}

@InputType({ description: 'Conditions on the category.' })
export class CategoryFilterInput {
  @Field(() => EventCategory, { nullable: true, description: 'This category.' })
  equals?: Category | null;

  @Field(() => [EventCategory], { nullable: true, description: 'One of these categories.' })
  in?: Category[] | null;
}

@InputType({ description: 'A range of time: from <= eventTime < to. At least one end.' })
export class TimeRangeInput {
  @Field(() => DateTime, { nullable: true, description: 'The first instant.' })
  from?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'The instant behind the last.' })
  to?: Date | null;
}

@InputType({
  description:
    'Which events. All that one object names is joined by AND; an empty object is every event. At most 10 levels ' +
    'deep, 200 conditions, 2,048 characters a value; a fault is INVALID_FILTER with its path, such as ' +
    '`filter.and[2].eventName.prefix`.',
})
export class EventFilterInput {
  @Field(() => [EventFilterInput], { nullable: true, description: 'Every one of these must match.' })
  and?: EventFilterInput[] | null;

  @Field(() => [EventFilterInput], { nullable: true, description: 'At least one of these must match.' })
  or?: EventFilterInput[] | null;

  @Field(() => EventFilterInput, {
    nullable: true,
    description: 'This must not match. Events without a field match `not` of any condition on it.',
  })
  not?: EventFilterInput | null;

  @Field(() => TextFilterInput, { nullable: true, description: 'The record’s own id (eventID).' })
  eventId?: TextFilterInput | null;

  @Field(() => TextFilterInput, { nullable: true, description: 'What was done.' })
  eventName?: TextFilterInput | null;

  @Field(() => TextFilterInput, { nullable: true, description: 'The service that it was asked of.' })
  eventSource?: TextFilterInput | null;

  @Field(() => BooleanFilterInput, { nullable: true, description: 'Whether it only read.' })
  readOnly?: BooleanFilterInput | null;

  @Field(() => TextFilterInput, { nullable: true, description: 'Who did it, as LookupEvents names users.' })
  username?: TextFilterInput | null;

  @Field(() => TextFilterInput, { nullable: true, description: 'userIdentity.arn.' })
  principalArn?: TextFilterInput | null;

  @Field(() => TextFilterInput, { nullable: true, description: 'userIdentity.accessKeyId.' })
  accessKeyId?: TextFilterInput | null;

  @Field(() => TextFilterInput, {
    nullable: true,
    description: 'Type of a resource. Each condition may be met by another resource of the event.',
  })
  resourceType?: TextFilterInput | null;

  @Field(() => TextFilterInput, { nullable: true, description: 'Name of a resource.' })
  resourceName?: TextFilterInput | null;

  @Field(() => TextFilterInput, { nullable: true, description: 'ARN of a resource.' })
  resourceArn?: TextFilterInput | null;

  @Field(() => AccountFilterInput, { nullable: true, description: 'The account that the event belongs to.' })
  account?: AccountFilterInput | null;

  @Field(() => TextFilterInput, { nullable: true, description: 'The region (awsRegion).' })
  region?: TextFilterInput | null;

  @Field(() => AddressFilterInput, { nullable: true, description: 'Where the request came from.' })
  sourceIPAddress?: AddressFilterInput | null;

  @Field(() => TextFilterInput, { nullable: true, description: 'The program that asked.' })
  userAgent?: TextFilterInput | null;

  @Field(() => TextFilterInput, { nullable: true, description: 'Why it failed.' })
  errorCode?: TextFilterInput | null;

  @Field(() => CategoryFilterInput, { nullable: true, description: 'What kind of record it is.' })
  category?: CategoryFilterInput | null;

  @Field(() => TimeRangeInput, { nullable: true, description: 'When it happened.' })
  eventTime?: TimeRangeInput | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Every one of these 1 to 20 words stands somewhere in the record. A word is a run of letters and digits; ' +
      'upper and lower case do not matter.',
  })
  words?: string | null;
}
