import { Field, Float, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import {
  EXPORT_COLUMNS,
  EXPORT_COMPRESSIONS,
  EXPORT_FORMATS,
  EXPORT_STATES,
  type ExportColumn,
  type ExportCompression,
  type ExportFormat,
  type ExportState,
} from '#domain/exports';
import { EventFilterInput } from '#subgraphs/events/schema/filter-input';
import { EventOrder, type EventOrderName } from '#subgraphs/events/schema/history';
import { connectionOf, edgeOf } from '#subgraphs/shared/connection';
import { AccountId, DateTime, Long } from '#subgraphs/shared/scalars';

const named = <Name extends string>(names: readonly Name[]): Record<string, Name> =>
  Object.fromEntries(names.map((name) => [name, name]));

export const ExportFormatEnum = named(EXPORT_FORMATS);
registerEnumType(ExportFormatEnum, {
  name: 'ExportFormat',
  description: 'What the file of an export looks like.',
  valuesConfig: {
    CSV: {
      description:
        'Chosen columns with a header (RFC 4180); cells that a spreadsheet would run are disarmed.',
    },
    JSON: { description: 'One array of the records as they were received.' },
    NDJSON: { description: 'One record a line; line breaks inside a record become blanks.' },
    CLOUDTRAIL: {
      description: 'A log file of CloudTrail: `{"Records": [...]}`, the records as they were received.',
    },
  },
});

export const ExportCompressionEnum = named(EXPORT_COMPRESSIONS);
registerEnumType(ExportCompressionEnum, {
  name: 'ExportCompression',
  description: 'How the file of an export is compressed.',
  valuesConfig: {
    NONE: { description: 'Not at all.' },
    GZIP: { description: 'gzip, of several members (RFC 1952).' },
    ZSTD: { description: 'Zstandard, of several frames (RFC 8878).' },
  },
});

const ExportStateEnum = named(EXPORT_STATES);
registerEnumType(ExportStateEnum, {
  name: 'ExportState',
  description: 'How an export stands.',
  valuesConfig: {
    QUEUED: { description: 'It has not begun.' },
    RUNNING: { description: 'Its file is being written.' },
    SUCCEEDED: { description: 'Its file can be downloaded.' },
    FAILED: { description: 'It was given up; `error` says why.' },
    CANCELED: { description: 'Somebody ended it.' },
    EXPIRED: { description: 'Its file was removed after its time.' },
    ERASED: { description: 'Its file was removed because events in it were erased.' },
  },
});

export const ExportColumnEnum = named(EXPORT_COLUMNS);
registerEnumType(ExportColumnEnum, {
  name: 'ExportColumn',
  description: 'A column of a CSV file; fields of Event unless it says otherwise.',
  valuesConfig: {
    eventId: { description: 'The record’s own id.' },
    eventTime: { description: 'When it happened, UTC.' },
    eventName: { description: 'What was done.' },
    eventSource: { description: 'The service that it was asked of.' },
    username: { description: 'Who did it.' },
    accountId: { description: 'The account.' },
    awsRegion: { description: 'The region.' },
    sourceIPAddress: { description: 'Where the request came from.' },
    userAgent: { description: 'The program that asked.' },
    errorCode: { description: 'Why it failed.' },
    readOnly: { description: 'Whether it only read.' },
    eventCategory: { description: 'What kind of record it is.' },
    principalArn: { description: 'userIdentity.arn.' },
    accessKeyId: { description: 'userIdentity.accessKeyId.' },
    resourceTypes: { description: 'Types of the resources, with a blank between them.' },
    resourceNames: { description: 'Names of the resources, with a blank between them.' },
    resourceArns: { description: 'ARNs of the resources, with a blank between them.' },
    position: { description: 'The event’s position in the journal.' },
    raw: { description: 'The record as it was received.' },
  },
});

@InputType({ description: 'What to take along.' })
export class StartExportInput {
  @Field(() => EventFilterInput, {
    nullable: true,
    description: 'Which events; all that the key sees when left out.',
  })
  filter?: EventFilterInput | null;

  @Field(() => EventOrder, {
    nullable: true,
    description: 'The order of the file. Default: EVENT_TIME_DESC.',
  })
  orderBy?: EventOrderName | null;

  @Field(() => ExportFormatEnum, { description: 'What the file looks like.' })
  format!: ExportFormat;

  @Field(() => [ExportColumnEnum], {
    nullable: true,
    description: 'Columns of a CSV file, in this order. Default: those from eventId to eventCategory.',
  })
  columns?: ExportColumn[] | null;

  @Field(() => ExportCompressionEnum, { nullable: true, description: 'Default: NONE.' })
  compression?: ExportCompression | null;
}

@ObjectType({ description: 'How far an export is.' })
export class ExportProgress {
  @Field(() => Long, { description: 'Events written.' })
  rows!: number;

  @Field(() => Long, { description: 'Bytes of the file so far, compressed.' })
  bytes!: number;

  @Field(() => Long, {
    nullable: true,
    description: 'Events that match, counted when it began. Null = nobody counted.',
  })
  total!: number | null;

  @Field(() => Float, { nullable: true, description: 'Share that is done, 0 to 1. Null = not known.' })
  share!: number | null;
}

@ObjectType({ description: 'A link to a file that needs no key and no header. Do not show it to others.' })
export class ExportLink {
  @Field(() => String, {
    description: 'Path and query below the platform’s address; takes GET, HEAD and ranges.',
  })
  path!: string;

  @Field(() => DateTime, {
    description: 'Until when it is good; sooner, when the key that asked for it is revoked or expires.',
  })
  expiresAt!: Date;
}

@ObjectType('Export', { description: 'A file of events that somebody asked for.' })
export class ExportType {
  @Field(() => ID, { description: 'Its id; also that of the run that writes it.' })
  id!: string;

  @Field(() => ExportStateEnum, { description: 'How it stands.' })
  state!: ExportState;

  @Field(() => String, { nullable: true, description: 'Why it failed: a code and words.' })
  error!: string | null;

  @Field(() => ExportFormatEnum, { description: 'What the file looks like.' })
  format!: ExportFormat;

  @Field(() => ExportCompressionEnum, { description: 'How it is compressed.' })
  compression!: ExportCompression;

  @Field(() => [ExportColumnEnum], { description: 'Its columns; empty unless it is CSV.' })
  columns!: readonly ExportColumn[];

  @Field(() => EventOrder, { description: 'Its order.' })
  orderBy!: EventOrderName;

  @Field(() => String, { description: 'The EventFilterInput, as JSON.' })
  filter!: string;

  @Field(() => [AccountId], {
    nullable: true,
    description: 'The accounts of the key that asked; only their events are in it. Null = all accounts.',
  })
  accounts!: readonly string[] | null;

  @Field(() => ID, { description: 'The id of the key that asked.' })
  createdBy!: string;

  @Field(() => DateTime, { description: 'When it was asked for.' })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When it began. Null = it has not.' })
  startedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When it ended. Null = it has not.' })
  finishedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When the file is removed. Null = there is none.' })
  expiresAt!: Date | null;

  @Field(() => ExportProgress, { description: 'How far it is.' })
  progress!: ExportProgress;

  @Field(() => String, { description: 'A name for the file.' })
  fileName!: string;

  @Field(() => String, { nullable: true, description: 'SHA-256 of the file, hex. Null = there is none.' })
  sha256!: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'What the file holds (filter, order, accounts, events, bytes, SHA-256, position, checkpoint) as JSON, signed with ' +
      'the log’s key (C2SP signed-note): `cairn export verify` checks it. Null = there is no file.',
  })
  statement!: string | null;

  @Field(() => ExportLink, {
    nullable: true,
    description: 'A new link to the file each time it is asked for. Null = there is no file.',
  })
  link!: ExportLink | null;
}

const ExportEdge = edgeOf(ExportType, 'Export');
@ObjectType({ description: 'Exports, the newest first, page by page.' })
export class ExportConnection extends connectionOf(ExportEdge) {}
