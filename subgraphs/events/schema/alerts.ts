import { ArgsType, Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { Event } from '#subgraphs/events/schema/event';
import { EventFilterInput } from '#subgraphs/events/schema/filter-input';
import { connectionOf, edgeOf, PageArgs } from '#subgraphs/shared/connection';
import { AccountId, DateTime, Long } from '#subgraphs/shared/scalars';

@InputType({ description: 'Where the matches of an alert are sent to.' })
export class AlertWebhookInput {
  @Field(() => String, {
    description:
      'An address that takes POST: https or http, no name and password in it, 2,048 characters at most.',
  })
  url!: string;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Makes a new secret in place of the one that there is. The first one is made by itself; another address keeps it.',
  })
  newSecret?: boolean | null;
}

@InputType({ description: 'What to look for, and whom to tell.' })
export class PutAlertInput {
  @Field(() => String, {
    description:
      'Names the alert among those of exactly the key’s accounts: 1 to 128 characters, no control characters.',
  })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description: 'What it is for, for people: 1,024 characters at most.',
  })
  description?: string | null;

  @Field(() => EventFilterInput, {
    nullable: true,
    description: 'Which events, as in `events`; all of the key’s accounts when left out.',
  })
  filter?: EventFilterInput | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Seconds, 0 to 86,400: for so long after a match further ones of the same account are counted ' +
      '(`AlertMatch.suppressed`) and not raised. Default: 0.',
  })
  throttle?: number | null;

  @Field(() => AlertWebhookInput, {
    nullable: true,
    description: 'Where matches are sent to, besides. Left out or null: nowhere.',
  })
  webhook?: AlertWebhookInput | null;
}

@ObjectType({
  description: 'Where the matches of an alert are sent to. Its secret is shown to nobody again.',
})
export class AlertWebhook {
  @Field(() => String, {
    description: 'The address; keys that only read see no more than its host: the rest may be a secret.',
  })
  url!: string;
}

@ObjectType({ description: 'Events to look for as they are recorded. It never looks back.' })
export class Alert {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => String, { description: 'Its name among the alerts of the same accounts.' })
  name!: string;

  @Field(() => String, { description: 'What it is for.' })
  description!: string;

  @Field(() => String, { description: 'The EventFilterInput, as JSON.' })
  filter!: string;

  @Field(() => [AccountId], {
    nullable: true,
    description: 'The accounts whose events it is asked of. Null = all accounts.',
  })
  accounts!: readonly string[] | null;

  @Field(() => Int, { description: 'Seconds; see PutAlertInput.' })
  throttle!: number;

  @Field(() => AlertWebhook, { nullable: true, description: 'Where matches are sent to. Null = nowhere.' })
  webhook!: AlertWebhook | null;

  @Field(() => Long, { description: 'Matches that it has raised, those no longer kept included.' })
  raised!: number;

  @Field(() => Long, {
    description:
      'Matches that are no longer kept because there were newer ones: 10,000 are kept, for 90 days.',
  })
  dropped!: number;

  @Field(() => ID, { description: 'The id of the key that put it last.' })
  putBy!: string;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it was put last.' })
  updatedAt!: Date;
}

@ObjectType({ description: 'An alert as it was put.' })
export class PutAlertPayload {
  @Field(() => Alert, { description: 'The alert.' })
  alert!: Alert;

  @Field(() => String, {
    nullable: true,
    description:
      'The secret that requests to the webhook are signed with (Standard Webhooks), when it was made now; it is not ' +
      'shown again. Null = none was made.',
  })
  webhookSecret!: string | null;
}

@ObjectType({ description: 'An event that an alert has raised.' })
export class AlertMatch {
  @Field(() => ID, {
    description: 'Its place: as `after` of `alertRaised` it gives all that was raised behind it.',
  })
  cursor!: string;

  @Field(() => ID, { description: 'The id of the alert.' })
  alertId!: string;

  @Field(() => String, { description: 'The name of the alert.' })
  alertName!: string;

  @Field(() => Event, { description: 'The event.' })
  event!: Event;

  @Field(() => DateTime, { description: 'When it was raised.' })
  raisedAt!: Date;

  @Field(() => Long, {
    description: 'Further matches of the same account that the throttle has held back since.',
  })
  suppressed!: number;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the last of these was recorded. Null = there is none.',
  })
  lastSuppressedAt!: Date | null;
}

@ArgsType()
export class AlertMatchesArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: 'Only those of this alert.' })
  alert?: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Only events that were recorded at or after this instant (`Event.receivedAt`).',
  })
  since?: Date | null;
}

@ObjectType({ description: 'An event that an alert raises, as a subscriber is told.' })
export class AlertRaised {
  @Field(() => ID, {
    description:
      'Where to go on: as `after` of another subscription it gives all that was raised behind this. It is also the ' +
      'cursor of the match in `alertMatches`.',
  })
  cursor!: string;

  @Field(() => ID, { description: 'The id of the alert.' })
  alertId!: string;

  @Field(() => String, { description: 'The name of the alert.' })
  alertName!: string;

  @Field(() => Event, { description: 'The event, with all of its own fields. `account` has its id only.' })
  event!: Event;

  @Field(() => DateTime, { description: 'When it was raised.' })
  raisedAt!: Date;
}

@ArgsType()
export class AlertRaisedArgs {
  @Field(() => ID, {
    nullable: true,
    description:
      'First all that was raised behind this cursor, then what comes. Left out: from now on. The order is that of ' +
      'recording.',
  })
  after?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only what this alert raises.' })
  alert?: string | null;
}

const AlertEdge = edgeOf(Alert, 'Alert');
@ObjectType({ description: 'Alerts, the newest first, page by page.' })
export class AlertConnection extends connectionOf(AlertEdge) {}

const AlertMatchEdge = edgeOf(AlertMatch, 'AlertMatch');
@ObjectType({ description: 'What alerts have raised, the newest first, page by page.' })
export class AlertMatchConnection extends connectionOf(AlertMatchEdge) {}
