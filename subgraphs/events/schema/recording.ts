import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { EventResult } from '#subgraphs/events/record';
import { AccountId } from '#subgraphs/shared/scalars';

type Result = EventResult['result'];

export const RecordResult: Record<Result, Result> = {
  RECORDED: 'RECORDED',
  DUPLICATE: 'DUPLICATE',
  CONFLICT: 'CONFLICT',
  REFUSED: 'REFUSED',
};
registerEnumType(RecordResult, {
  name: 'RecordResult',
  description: 'What became of an event that was sent.',
  valuesConfig: {
    RECORDED: { description: 'It is in the journal, durably.' },
    DUPLICATE: { description: 'It had been recorded before; sending it again changed nothing.' },
    CONFLICT: {
      description:
        'Another event with its account, eventID and hour of eventTime was recorded before. This one is kept ' +
        'apart for investigation and is not part of history.',
    },
    REFUSED: { description: 'It was not recorded; `code`, `path` and `message` say why.' },
  },
});

@InputType({ description: 'One event to record, as PutAuditEvents takes it.' })
export class RecordEventInput {
  @Field(() => String, {
    description:
      'The record as JSON text, at most 1 MB of UTF-8. It is kept verbatim: nothing is reformatted, cut or ' +
      'added. CloudTrail’s record and the schema of its integrations are understood.',
  })
  eventData!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Base64 of the SHA-256 of eventData’s UTF-8; the event is refused when it differs.',
  })
  eventDataChecksum?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'A name of yours for this entry, 1 to 128 characters, unique in the request; it is echoed.',
  })
  entryId?: string | null;
}

@InputType({ description: 'Events to record.' })
export class RecordEventsInput {
  @Field(() => [RecordEventInput], {
    description: '1 to 100 events, together at most 1 MB. For more, send `POST /v1/events`.',
  })
  events!: RecordEventInput[];

  @Field(() => AccountId, {
    nullable: true,
    description:
      'The account of events that name none themselves (recipientAccountId, userIdentity.accountId). Without it, ' +
      'the key’s own account, if it has just one.',
  })
  account?: string | null;
}

@ObjectType({ description: 'What became of one event.' })
export class RecordEventResult {
  @Field(() => RecordResult, { description: 'The outcome.' })
  result!: Result;

  @Field(() => String, { nullable: true, description: 'Your name for the entry.' })
  entryId!: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'Cairn’s id of the event (`Event.id`): of this one, or, for DUPLICATE and CONFLICT, of the one recorded ' +
      'before. Null when refused.',
  })
  id!: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Why it was refused: INVALID_JSON, INVALID_UTF8, INVALID_EVENT, FIELD_NOT_FOUND, EVENT_TOO_LARGE, TOO_DEEP, ' +
      'INVALID_EVENT_TIME, INVALID_CHECKSUM, ACCOUNT_REQUIRED, ACCOUNT_NOT_ALLOWED, UNKNOWN_ACCOUNT, ERASED or ' +
      'RETENTION_EXPIRED; CONFLICT for a conflict.',
  })
  code!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The record’s field at fault, such as `userIdentity.type`.',
  })
  path!: string | null;

  @Field(() => String, { nullable: true, description: 'The reason in words.' })
  message!: string | null;
}

@ObjectType({ description: 'What became of the events of one request.' })
export class RecordEventsPayload {
  @Field(() => [RecordEventResult], { description: 'One for each event, in the order of the request.' })
  results!: RecordEventResult[];

  @Field(() => Int, { description: 'How many were recorded now.' })
  recorded!: number;

  @Field(() => Int, { description: 'How many had been recorded before.' })
  duplicates!: number;

  @Field(() => Int, { description: 'How many contradict an event that was recorded before.' })
  conflicts!: number;

  @Field(() => Int, { description: 'How many were refused.' })
  refused!: number;
}
