import { Directive, Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { JOB_STATES } from '#domain/jobs';
import type { JobState } from '#domain/jobs';
import { connectionOf, edgeOf } from '#subgraphs/shared/connection';
import { AccountId, DateTime, Long } from '#subgraphs/shared/scalars';

/** The roles of domain/principal.ts as GraphQL writes enum values. */
export enum ApiKeyRole {
  ADMINISTRATOR = 'ADMINISTRATOR',
  AUDITOR = 'AUDITOR',
  INGEST = 'INGEST',
}
registerEnumType(ApiKeyRole, {
  name: 'ApiKeyRole',
  description: 'What an API key may do within its accounts.',
  valuesConfig: {
    ADMINISTRATOR: {
      description: 'Everything. With all accounts: manage accounts, erasures and imports too.',
    },
    AUDITOR: { description: 'Read and verify, change nothing.' },
    INGEST: { description: 'Record events, read nothing.' },
  },
});

export enum ApiKeyStatus {
  ACTIVE = 'ACTIVE',
  EXPIRED = 'EXPIRED',
  REVOKED = 'REVOKED',
}
registerEnumType(ApiKeyStatus, {
  name: 'ApiKeyStatus',
  description: 'Whether an API key is accepted.',
  valuesConfig: {
    ACTIVE: { description: 'It is accepted.' },
    EXPIRED: { description: 'Its time is over.' },
    REVOKED: { description: 'Somebody revoked it.' },
  },
});

/** JOB_STATES as an enum object for type-graphql: names equal to values. */
const JobStateEnum = Object.fromEntries(JOB_STATES.map((state) => [state, state]));
registerEnumType(JobStateEnum, {
  name: 'JobState',
  description: 'How a run of a job stands.',
  valuesConfig: {
    QUEUED: { description: 'It has not begun.' },
    RUNNING: { description: 'It is being worked on.' },
    SUCCEEDED: { description: 'It is done.' },
    FAILED: { description: 'An attempt failed; the next one comes by itself.' },
    DEAD: { description: 'It was given up after the last attempt.' },
  },
});

@Directive('@key(fields: "id")')
@ObjectType('Account', { description: 'An account: what events belong to, and what keys are scoped to.' })
export class AccountType {
  @Field(() => AccountId, { description: '12 digits, as in AWS. 000000000000 is the installation itself.' })
  id!: string;

  @Field(() => String, { description: 'A name for people; the id until somebody gives one.' })
  name!: string;

  @Field(() => DateTime, { description: 'When the account was made here.' })
  createdAt!: Date;

  @Field(() => Int, {
    nullable: true,
    description:
      'Months that events are kept, by eventTime; then they are erased, whole months at a time. Null = for ever.',
  })
  retentionMonths!: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Days that events are found in event history, by eventTime. Null = the installation’s default.',
  })
  historyDays!: number | null;
}

const AccountEdge = edgeOf(AccountType, 'Account');
@ObjectType({ description: 'Accounts in the order of their ids, page by page.' })
export class AccountConnection extends connectionOf(AccountEdge) {}

@ObjectType('ApiKey', { description: 'A key that lets a program or a person in. Its secret is not stored.' })
export class ApiKeyType {
  @Field(() => ID, { description: 'The first part of the key’s text, after `cairn_`.' })
  id!: string;

  @Field(() => String, { description: 'A name for people: who or what uses the key.' })
  name!: string;

  @Field(() => ApiKeyRole, { description: 'What it may do.' })
  role!: ApiKeyRole;

  @Field(() => [AccountId], {
    nullable: true,
    description: 'The accounts that it is scoped to. Null = all accounts, future ones too.',
  })
  accounts!: readonly string[] | null;

  @Field(() => ApiKeyStatus, { description: 'Whether it is accepted now.' })
  status!: ApiKeyStatus;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => ID, {
    nullable: true,
    description: 'The id of the key that made it. Null for the key of the first start.',
  })
  createdBy!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'From when on it is refused. Null = never.' })
  expiresAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was revoked. Null = it was not.' })
  revokedAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it was used last, to the minute. Null = never.',
  })
  lastUsedAt!: Date | null;
}

const ApiKeyEdge = edgeOf(ApiKeyType, 'ApiKey');
@ObjectType({ description: 'API keys from the oldest to the newest, page by page.' })
export class ApiKeyConnection extends connectionOf(ApiKeyEdge) {}

@ObjectType('JobProgress', { description: 'How far a run is, in units of its job (events, steps).' })
export class JobProgressType {
  @Field(() => Long, { description: 'Units done.' })
  done!: number;

  @Field(() => Long, { nullable: true, description: 'Units in all. Null = not known.' })
  total!: number | null;
}

@ObjectType('JobRun', { description: 'One run of a job: long work that goes on after the answer.' })
export class JobRunType {
  @Field(() => ID, {
    description: 'Ask for `jobRun(id)` with it. Scheduled jobs have one run, named as the job.',
  })
  id!: string;

  @Field(() => String, { description: 'The job: `eraseAccount`, `rebuildHistory` ...' })
  name!: string;

  @Field(() => AccountId, {
    nullable: true,
    description: 'The account that it concerns. Null = the installation.',
  })
  account!: string | null;

  @Field(() => JobStateEnum, { description: 'How it stands.' })
  state!: JobState;

  @Field(() => Int, { description: 'Attempts that have begun, after a crash or a restart too.' })
  attempts!: number;

  @Field(() => JobProgressType, {
    nullable: true,
    description: 'How far the attempt is. Null = nothing to say yet.',
  })
  progress!: JobProgressType | null;

  @Field(() => String, {
    nullable: true,
    description: 'What a run that SUCCEEDED reports: a small JSON object of figures and words.',
  })
  result!: string | null;

  @Field(() => String, { nullable: true, description: 'Why the last attempt failed. Null = it did not.' })
  error!: string | null;

  @Field(() => DateTime, { description: 'When it was asked for.' })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When the last attempt began. Null = none has.' })
  startedAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it SUCCEEDED or was DEAD. Null = it is neither.',
  })
  finishedAt!: Date | null;

  @Field(() => String, {
    nullable: true,
    description:
      'When the job runs by itself: `every 30 s`, or a cron pattern of six fields, UTC. Null = it does not.',
  })
  schedule!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'About when it runs next by itself. Null = it does not, or nobody can say.',
  })
  nextRunAt!: Date | null;
}

const JobRunEdge = edgeOf(JobRunType, 'JobRun');
@ObjectType({ description: 'Runs of jobs, the newest first, page by page.' })
export class JobRunConnection extends connectionOf(JobRunEdge) {}

@InputType({ description: 'Which runs of jobs; both conditions are joined by AND.' })
export class JobFilterInput {
  @Field(() => [JobStateEnum], { nullable: true, description: 'Only those that stand so.' })
  state?: JobState[] | null;

  @Field(() => String, { nullable: true, description: 'Only those of this job.' })
  name?: string | null;
}

@Directive('@shareable')
@ObjectType('UserError', { description: 'Why a mutation did nothing: an expected refusal.' })
export class UserErrorType {
  @Field(() => String, { description: 'One of the codes that errors carry in `extensions.code`.' })
  code!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The faulty argument, such as `input.accounts[2]`. Null = none is at fault.',
  })
  path!: string | null;

  @Field(() => String, { description: 'The same for people.' })
  message!: string;
}

@InputType({ description: 'A new account.' })
export class CreateAccountInput {
  @Field(() => AccountId, { description: '12 digits, not in use here.' })
  id!: string;

  @Field(() => String, { nullable: true, description: '1 to 128 characters. Default: the id.' })
  name?: string | null;

  @Field(() => Int, { nullable: true, description: 'Months to keep events, 1 to 1200. Default: for ever.' })
  retentionMonths?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Days to find events in event history, 1 to 36500. Default: the installation’s.',
  })
  historyDays?: number | null;
}

@InputType({ description: 'What to change of an account; what is left out stays as it is.' })
export class UpdateAccountInput {
  @Field(() => AccountId, { description: 'The account.' })
  id!: string;

  @Field(() => String, { nullable: true, description: 'The new name, 1 to 128 characters.' })
  name?: string | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Months to keep events, 1 to 1200, or null for ever. Events that become too old are erased within the hour.',
  })
  retentionMonths?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Days to find events in event history, 1 to 36500, or null for the installation’s default.',
  })
  historyDays?: number | null;
}

@InputType({ description: 'A new API key. Say either `accounts` or `allAccounts: true`.' })
export class CreateApiKeyInput {
  @Field(() => String, { description: 'Who or what will use it, 1 to 128 characters.' })
  name!: string;

  @Field(() => ApiKeyRole, { description: 'What it may do.' })
  role!: ApiKeyRole;

  @Field(() => [AccountId], {
    nullable: true,
    description: 'The accounts that it is scoped to, at most 1000.',
  })
  accounts?: string[] | null;

  @Field(() => Boolean, { nullable: true, description: 'Scope it to all accounts, future ones too.' })
  allAccounts?: boolean | null;

  @Field(() => DateTime, { nullable: true, description: 'From when on it is refused. Default: never.' })
  expiresAt?: Date | null;
}

@ObjectType({ description: 'What became of an account mutation.' })
export class AccountPayload {
  @Field(() => AccountType, { nullable: true, description: 'The account as it is now. Null when refused.' })
  account!: AccountType | null;

  @Field(() => [UserErrorType], { description: 'Why nothing was done; empty when it was.' })
  userErrors!: readonly UserErrorType[];
}

@ObjectType({ description: 'What became of `createApiKey`.' })
export class CreateApiKeyPayload {
  @Field(() => ApiKeyType, { nullable: true, description: 'The new key. Null when refused.' })
  apiKey!: ApiKeyType | null;

  @Field(() => String, {
    nullable: true,
    description: 'The key’s text for `Authorization: Bearer`, shown this once. Null when refused.',
  })
  secret!: string | null;

  @Field(() => [UserErrorType], { description: 'Why nothing was done; empty when it was.' })
  userErrors!: readonly UserErrorType[];
}

@ObjectType({ description: 'What became of `revokeApiKey`.' })
export class RevokeApiKeyPayload {
  @Field(() => ApiKeyType, { nullable: true, description: 'The key, revoked. Null when refused.' })
  apiKey!: ApiKeyType | null;

  @Field(() => [UserErrorType], { description: 'Why nothing was done; empty when it was.' })
  userErrors!: readonly UserErrorType[];
}

@ObjectType({ description: 'Stands in for an API key in the URL of one stream.' })
export class StreamTicketType {
  @Field(() => String, {
    description:
      'For `?ticket=` of a stream (server-sent events or WebSocket) that is opened without an Authorization header, ' +
      'as a browser’s EventSource must. It sees what the key sees.',
  })
  ticket!: string;

  @Field(() => DateTime, { description: 'Until when it can be used, once: a minute after it was made.' })
  expiresAt!: Date;
}

@ObjectType({ description: 'What became of a mutation that starts a job.' })
export class JobPayload {
  @Field(() => JobRunType, {
    nullable: true,
    description: 'The run; ask for `jobRun(id)`. Null when refused.',
  })
  job!: JobRunType | null;

  @Field(() => [UserErrorType], { description: 'Why nothing was done; empty when it was.' })
  userErrors!: readonly UserErrorType[];
}
