import { CairnError } from '#domain/errors';
import { jobs } from '#domain/jobs';
import type { AnyJobDefinition, JobCursor, JobRun } from '#domain/jobs';
import type { Outcome, UserError } from '#subgraphs/organization/refusal';
import type { ApiKey, KeyCursor } from '#subgraphs/organization/store';
import { ApiKeyRole, ApiKeyStatus } from '#subgraphs/organization/schema';
import type { ApiKeyType, JobRunType } from '#subgraphs/organization/schema';

const ROLE_NAMES = {
  administrator: ApiKeyRole.ADMINISTRATOR,
  auditor: ApiKeyRole.AUDITOR,
  ingest: ApiKeyRole.INGEST,
} as const;

const ROLES_BY_NAME = {
  [ApiKeyRole.ADMINISTRATOR]: 'administrator',
  [ApiKeyRole.AUDITOR]: 'auditor',
  [ApiKeyRole.INGEST]: 'ingest',
} as const;

export function roleOf(name: ApiKeyRole): ApiKey['role'] {
  return ROLES_BY_NAME[name];
}

/** Without the hash of the secret, which no type of the schema has. */
export function presentKey(key: ApiKey, now: Date): ApiKeyType {
  return {
    id: key.id,
    name: key.name,
    role: ROLE_NAMES[key.role],
    accounts: key.accounts,
    status: statusOf(key, now),
    createdAt: key.createdAt,
    createdBy: key.createdBy,
    expiresAt: key.expiresAt,
    revokedAt: key.revokedAt,
    lastUsedAt: key.lastUsedAt,
  };
}

function statusOf(
  { revokedAt, expiresAt }: Pick<ApiKey, 'revokedAt' | 'expiresAt'>,
  now: Date,
): ApiKeyStatus {
  if (revokedAt) return ApiKeyStatus.REVOKED;
  return expiresAt && expiresAt <= now ? ApiKeyStatus.EXPIRED : ApiKeyStatus.ACTIVE;
}

export function presentRun(run: JobRun): JobRunType {
  return {
    id: run.id,
    name: run.name,
    account: run.account ?? null,
    state: run.state,
    attempts: run.attempts,
    progress: run.progress ? { done: run.progress.done, total: run.progress.total ?? null } : null,
    result: run.result ? JSON.stringify(run.result) : null,
    error: run.error ?? null,
    createdAt: run.createdAt,
    startedAt: run.startedAt ?? null,
    finishedAt: run.finishedAt ?? null,
    ...scheduleOf(run),
  };
}

const DEFINITIONS: readonly AnyJobDefinition[] = Object.values(jobs);

/** Scheduled runs are named as their job. */
function scheduleOf(run: JobRun): Pick<JobRunType, 'schedule' | 'nextRunAt'> {
  const schedule = DEFINITIONS.find(({ name }) => name === run.id)?.schedule;
  if (schedule === undefined) return { schedule: null, nextRunAt: null };
  if ('cron' in schedule) return { schedule: schedule.cron, nextRunAt: null };
  const last = run.startedAt ?? run.createdAt;
  return {
    schedule: `every ${schedule.everyMs / 1_000} s`,
    nextRunAt: new Date(last.getTime() + schedule.everyMs),
  };
}

/** Value and refusals of an outcome, one of them empty. */
export function settle<T>(outcome: Outcome<T>): { value: T | null; userErrors: readonly UserError[] } {
  if ('refused' in outcome) return { value: null, userErrors: outcome.refused };
  return { value: outcome.value, userErrors: [] };
}

/** Places in lists as clients see them: base64url of what orders the list. */
export const accountCursor = {
  print: ({ id }: { readonly id: string }): string => Buffer.from(id).toString('base64url'),
  parse: (cursor: string): string => {
    const id = Buffer.from(cursor, 'base64url').toString();
    if (!/^\d{12}$/.test(id)) throw invalidCursor();
    return id;
  },
};

export const keyCursor = {
  print: ({ createdAt, id }: KeyCursor): string =>
    Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url'),
  parse: (cursor: string): KeyCursor => {
    const [, time, id] =
      /^(\d{1,15})\.([a-z2-7]{16})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
    if (time === undefined || id === undefined) throw invalidCursor();
    return { createdAt: new Date(Number(time)), id };
  },
};

export const jobCursor = {
  print: ({ createdAt, id }: JobCursor): string =>
    Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url'),
  parse: (cursor: string): JobCursor => {
    const [, time, id] =
      /^(\d{1,15})\.([A-Za-z0-9_-]{1,100})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
    if (time === undefined || id === undefined) throw invalidCursor();
    return { createdAt: new Date(Number(time)), id };
  },
};

function invalidCursor(): CairnError {
  return new CairnError('INVALID_CURSOR', 'This is not a cursor of this list.');
}
