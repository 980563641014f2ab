import { ArgsType, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { DELIVERY_STATES, type DeliveryState } from '#domain/alerts';
import { connectionOf, edgeOf, PageArgs } from '#subgraphs/shared/connection';
import { AccountId, DateTime } from '#subgraphs/shared/scalars';

const DeliveryStateEnum: Record<string, DeliveryState> = Object.fromEntries(
  DELIVERY_STATES.map((name) => [name, name]),
);
registerEnumType(DeliveryStateEnum, {
  name: 'AlertDeliveryState',
  description: 'How a delivery to a webhook stands.',
  valuesConfig: {
    PENDING: { description: 'It is to be sent, for the first time or again.' },
    DELIVERED: { description: 'The webhook has answered with 2xx.' },
    DEAD: { description: 'It was given up; `sendAlertsAgain` gives it another series of attempts.' },
  },
});

@ObjectType({ description: 'A match on its way to the webhook of its alert.' })
export class AlertDelivery {
  @Field(() => ID, {
    description: 'Its id: `webhook-id` and the CloudEvent’s `id`, the same for every attempt.',
  })
  id!: string;

  @Field(() => ID, { description: 'The id of the alert.' })
  alertId!: string;

  @Field(() => ID, { description: 'The id of the event.' })
  eventId!: string;

  @Field(() => AccountId, { description: 'The account of the event.' })
  accountId!: string;

  @Field(() => DeliveryStateEnum, { description: 'How it stands.' })
  state!: DeliveryState;

  @Field(() => Int, { description: 'Attempts that were begun, since it was last sent again; 12 at most.' })
  attempts!: number;

  @Field(() => Int, {
    nullable: true,
    description: 'The HTTP status of the last answer. Null = there was none.',
  })
  lastStatus!: number | null;

  @Field(() => String, { nullable: true, description: 'Why the last attempt failed. Null = it did not.' })
  lastError!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'When it is sent next, or when the attempt at hand is given up. Null = it is not sent any more.',
  })
  nextAttemptAt!: Date | null;

  @Field(() => DateTime, { description: 'When it was raised.' })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When it was delivered. Null = it was not.' })
  deliveredAt!: Date | null;
}

@ArgsType()
export class AlertDeliveriesArgs extends PageArgs {
  @Field(() => ID, { description: 'The alert.' })
  alert!: string;

  @Field(() => DeliveryStateEnum, { nullable: true, description: 'Only those that stand so.' })
  state?: DeliveryState | null;
}

@ArgsType()
export class SendAlertsAgainArgs {
  @Field(() => ID, { nullable: true, description: 'All deliveries of this alert that are DEAD.' })
  alert?: string | null;

  @Field(() => [ID], {
    nullable: true,
    description:
      'Those of these deliveries that are DEAD, of alerts whose accounts the key covers; 200 at most.',
  })
  ids?: string[] | null;
}

@ObjectType({ description: 'What came of a sample that was sent to a webhook.' })
export class TestAlertPayload {
  @Field(() => Int, { nullable: true, description: 'The HTTP status of the answer. Null = there was none.' })
  status!: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'Why a match would not have been delivered. Null = it would have been.',
  })
  error!: string | null;
}

const AlertDeliveryEdge = edgeOf(AlertDelivery, 'AlertDelivery');
@ObjectType({ description: 'Deliveries to a webhook, the newest first, page by page.' })
export class AlertDeliveryConnection extends connectionOf(AlertDeliveryEdge) {}
