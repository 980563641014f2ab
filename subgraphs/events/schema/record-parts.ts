import { Field, ObjectType } from 'type-graphql';
import { JsonText } from '#subgraphs/events/schema/scalars';

@ObjectType({ description: 'A resource that an event touched.' })
export class EventResource {
  @Field(() => String, {
    nullable: true,
    description: 'Type as CloudFormation writes it, such as `AWS::S3::Bucket`.',
  })
  type!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Name as LookupEvents shows it: the last part of the ARN, or the name in the record.',
  })
  name!: string | null;

  @Field(() => String, { nullable: true, description: 'ARN, where the record has one.' })
  arn!: string | null;
}

@ObjectType({ description: 'The TLS connection that a request came over.' })
export class TlsDetails {
  @Field(() => String, { nullable: true, description: 'Version, such as `TLSv1.3`.' })
  tlsVersion!: string | null;

  @Field(() => String, { nullable: true, description: 'Cipher suite, such as `TLS_AES_128_GCM_SHA256`.' })
  cipherSuite!: string | null;

  @Field(() => String, { nullable: true, description: 'Host name that the client asked for.' })
  clientProvidedHostHeader!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Key exchange; shows post-quantum ones, such as `X25519MLKEM768`.',
  })
  keyExchange!: string | null;
}

@ObjectType({
  description: 'Why a record came late or again. Corrections are records of their own; nothing is edited.',
})
export class Addendum {
  @Field(() => String, {
    nullable: true,
    description: '`DELIVERY_DELAY`, `UPDATED_DATA` or `SERVICE_OUTAGE`.',
  })
  reason!: string | null;

  @Field(() => String, { nullable: true, description: 'The fields that this record corrects.' })
  updatedFields!: string | null;

  @Field(() => String, { nullable: true, description: 'requestID of the record that is corrected.' })
  originalRequestID!: string | null;

  @Field(() => String, { nullable: true, description: 'eventID of the record that is corrected.' })
  originalEventID!: string | null;

  @Field(() => String, { nullable: true, description: 'UID of the partner’s record that is corrected.' })
  originalUID!: string | null;
}

@ObjectType({
  description: 'What CloudTrail Insights found: a call or error rate that is out of the ordinary.',
})
export class InsightDetails {
  @Field(() => String, {
    nullable: true,
    description: '`Start` or `End`; both have the same sharedEventId.',
  })
  state!: string | null;

  @Field(() => String, { nullable: true, description: 'The service that was called.' })
  eventSource!: string | null;

  @Field(() => String, { nullable: true, description: 'The call.' })
  eventName!: string | null;

  @Field(() => String, { nullable: true, description: 'The error, for an unusual rate of errors.' })
  errorCode!: string | null;

  @Field(() => String, { nullable: true, description: '`ApiCallRateInsight` or `ApiErrorRateInsight`.' })
  insightType!: string | null;

  @Field(() => JsonText, {
    nullable: true,
    description: 'Baseline and insight averages per minute, durations in minutes, and who contributed.',
  })
  insightContext!: string | null;
}

@ObjectType({ description: 'The time that an aggregated event sums up.' })
export class TimeWindow {
  @Field(() => String, { nullable: true, description: 'Begin, inclusive, as the record writes it.' })
  windowStart!: string | null;

  @Field(() => String, { nullable: true, description: 'End, exclusive, as the record writes it.' })
  windowEnd!: string | null;

  @Field(() => String, { nullable: true, description: 'Length as an ISO 8601 duration, such as `PT5M`.' })
  windowSize!: string | null;
}

@ObjectType({ description: 'How a partner’s event came in.' })
export class IngestionMetadata {
  @Field(() => String, { nullable: true, description: 'When it came in, as the record writes it.' })
  ingestionTime!: string | null;

  @Field(() => String, { nullable: true, description: 'ARN of the channel that it came through.' })
  channelARN!: string | null;
}
