import { Directive, Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { EVENT_CATEGORIES, type EventCategory as Category } from '#domain/event';
import {
  Addendum,
  EventResource,
  IngestionMetadata,
  InsightDetails,
  TimeWindow,
  TlsDetails,
} from '#subgraphs/events/schema/record-parts';
import { JsonText } from '#subgraphs/events/schema/scalars';
import { UserIdentity } from '#subgraphs/events/schema/user-identity';
import { connectionOf, edgeOf } from '#subgraphs/shared/connection';
import { AccountId, DateTime } from '#subgraphs/shared/scalars';

export const EventCategory: Record<string, Category> = Object.fromEntries(
  EVENT_CATEGORIES.map((category) => [category, category]),
);
registerEnumType(EventCategory, {
  name: 'EventCategory',
  description: 'What kind of record an event is (eventCategory of the record).',
  valuesConfig: {
    Management: { description: 'Operations on resources: creating, changing, reading their settings.' },
    Data: { description: 'Operations on what is in a resource, such as reading an object of a bucket.' },
    NetworkActivity: { description: 'Calls through a VPC endpoint.' },
    Insight: { description: 'An unusual rate of calls or errors.' },
    Aggregated: { description: 'Data events of five minutes, summed up.' },
    ActivityAuditLog: { description: 'An event of a partner or of an application of yours.' },
    ConfigurationItem: { description: 'A snapshot of a resource’s configuration.' },
    Evidence: { description: 'A finding of an audit.' },
  },
});

@Directive('@key(fields: "id", resolvable: false)')
@ObjectType({ description: 'An account of this installation: 12 digits, as in AWS. Events belong to one.' })
export class Account {
  @Field(() => AccountId, { description: 'The account’s id.' })
  id!: string;
}

/** Non-null, one event that an erasure takes while it is listed would take the whole page with it. */
const UNREADABLE =
  'Null, with an error, when it cannot be read: ERASED for what was erased after it was listed.';
const LISTED = 'Longer than 2,048 characters it is cut; `raw` has all of it.';

@Directive('@key(fields: "id")')
@ObjectType({
  description:
    'One recorded event. Names are those of CloudTrail’s record; fields that a record does not have are null. ' +
    'Nothing of an event ever changes.',
})
export class Event {
  @Field(() => ID, {
    description: 'Cairn’s id of the event: opaque, the same in every view, also its cursor in `events`.',
  })
  id!: string;

  @Field(() => Account, { description: 'The account that the event belongs to.' })
  account!: Account;

  @Field(() => AccountId, { description: 'The id of `account`, without asking for the account.' })
  accountId!: string;

  @Field(() => String, {
    nullable: true,
    description: `The record, exactly as it was received, byte for byte: JSON text. ${UNREADABLE}`,
  })
  raw!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: `When Cairn recorded the event durably. ${UNREADABLE}`,
  })
  receivedAt!: Date | null;

  @Field(() => String, {
    nullable: true,
    description: `Who sent the event: \`key:<id>\` of an API key, \`import:<name>\`, or \`cairn\` for what is done to Cairn itself. ${UNREADABLE}`,
  })
  source!: string | null;

  @Field(() => String, {
    description:
      'The record’s own id: eventID, eventId or UID; of a record without one, the SHA-256 of its bytes in hex. ' +
      'Within an account and an hour it is unique.',
  })
  eventId!: string;

  @Field(() => DateTime, { description: 'When it happened, by the producer’s clock.' })
  eventTime!: Date;

  @Field(() => EventCategory, { description: 'What kind of record it is.' })
  eventCategory!: Category;

  @Field(() => String, { nullable: true, description: `What was done, such as \`ConsoleLogin\`. ${LISTED}` })
  eventName!: string | null;

  @Field(() => String, {
    nullable: true,
    description: `The service that it was asked of, such as \`s3.amazonaws.com\`. ${LISTED}`,
  })
  eventSource!: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether it only read. Null when the record does not say.',
  })
  readOnly!: boolean | null;

  @Field(() => String, {
    nullable: true,
    description: `Who did it, as LookupEvents names the user: a user, a role’s session, or \`root\`. ${LISTED}`,
  })
  username!: string | null;

  @Field(() => String, { nullable: true, description: `userIdentity.arn. ${LISTED}` })
  principalArn!: string | null;

  @Field(() => String, { nullable: true, description: `userIdentity.accessKeyId. ${LISTED}` })
  accessKeyId!: string | null;

  @Field(() => [EventResource], { description: 'The resources that the record names.' })
  resources!: EventResource[];

  @Field(() => String, { nullable: true, description: `The region, such as \`eu-central-1\`. ${LISTED}` })
  awsRegion!: string | null;

  @Field(() => String, {
    nullable: true,
    description: `Where the request came from: an IP address, or the name of a service. ${LISTED}`,
  })
  sourceIPAddress!: string | null;

  @Field(() => String, { nullable: true, description: `The program that asked. ${LISTED}` })
  userAgent!: string | null;

  @Field(() => String, {
    nullable: true,
    description: `Why it failed, such as \`AccessDenied\`; null when it did not. ${LISTED}`,
  })
  errorCode!: string | null;

  @Field(() => String, { nullable: true, description: 'The error in words.' })
  errorMessage!: string | null;

  @Field(() => UserIdentity, { nullable: true, description: 'Who made the request, in full.' })
  userIdentity!: UserIdentity | null;

  @Field(() => String, { nullable: true, description: 'Version of the record’s format, such as `1.11`.' })
  eventVersion!: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      '`AwsApiCall`, `AwsServiceEvent`, `AwsConsoleAction`, `AwsConsoleSignIn`, `AwsVpceEvents`, ' +
      '`AwsCloudTrailInsight`, `AwsAggregatedEvent`, `ActivityLog`, or what another producer writes.',
  })
  eventType!: string | null;

  @Field(() => String, { nullable: true, description: 'Version of the API that was called.' })
  apiVersion!: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether the record calls itself a management event.',
  })
  managementEvent!: boolean | null;

  @Field(() => String, { nullable: true, description: 'requestID: the service’s id of the request.' })
  requestId!: string | null;

  @Field(() => JsonText, {
    nullable: true,
    description: 'What was asked for; its shape depends on eventName.',
  })
  requestParameters!: string | null;

  @Field(() => JsonText, {
    nullable: true,
    description: 'What was answered; its shape depends on eventName. Null for calls that only read.',
  })
  responseElements!: string | null;

  @Field(() => JsonText, { nullable: true, description: 'What does not fit elsewhere, such as `MFAUsed`.' })
  additionalEventData!: string | null;

  @Field(() => JsonText, { nullable: true, description: 'What happened, for events of a service itself.' })
  serviceEventDetails!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'recipientAccountId as the record has it; `account` is where the event belongs.',
  })
  recipientAccountId!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'sharedEventID: joins the records of one action that several accounts have got.',
  })
  sharedEventId!: string | null;

  @Field(() => String, { nullable: true, description: 'The VPC endpoint that the request came through.' })
  vpcEndpointId!: string | null;

  @Field(() => String, { nullable: true, description: 'The account that owns the VPC endpoint.' })
  vpcEndpointAccountId!: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'The session was opened in the AWS console. Null when the record does not say.',
  })
  sessionCredentialFromConsole!: boolean | null;

  @Field(() => TlsDetails, { nullable: true, description: 'The TLS connection.' })
  tlsDetails!: TlsDetails | null;

  @Field(() => Addendum, { nullable: true, description: 'Why the record came late or again.' })
  addendum!: Addendum | null;

  @Field(() => InsightDetails, { nullable: true, description: 'Of Insights events: what was found.' })
  insightDetails!: InsightDetails | null;

  @Field(() => TimeWindow, { nullable: true, description: 'Of aggregated events: the time summed up.' })
  timeWindow!: TimeWindow | null;

  @Field(() => JsonText, { nullable: true, description: 'Of aggregated events: dimensions and counts.' })
  summary!: string | null;

  @Field(() => IngestionMetadata, { nullable: true, description: 'Of partners’ events: how they came in.' })
  metadata!: IngestionMetadata | null;

  @Field(() => JsonText, {
    nullable: true,
    description: 'Of partners’ events, Config items and evidence: what the sender wrote.',
  })
  eventData!: string | null;

  @Field(() => JsonText, { nullable: true, description: 'Details of requests through an edge device.' })
  edgeDeviceDetails!: string | null;

  @Field(() => JsonText, { nullable: true, description: 'Tags and condition keys that the event came with.' })
  eventContext!: string | null;

  @Field(() => JsonText, { nullable: true, description: 'A note that the producer added.' })
  annotation!: string | null;
}

export const EventEdge = edgeOf(Event, 'Event');

@ObjectType({ description: 'A page of events, in the order asked for.' })
export class EventConnection extends connectionOf(EventEdge) {}
