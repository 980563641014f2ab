import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Installation } from '#cli/installation';
import type { Caller } from '#domain/caller';
import type { Principal } from '#domain/principal';
import { accountsOfKey } from '#domain/own-events';
import { CallRecorder } from '#journal/own-trail/call-recorder';
import { OwnTrail } from '#journal/own-trail/own-trail';
import { ProcessLife } from '#journal/own-trail/process-life';
import { OwnEventStore } from '#journal/own-trail/store';
import { OwnProcessStore } from '#journal/store/own-process-store';
import type { ErasureScope } from '#journal/types';
import type { Config } from '#platform/config';
import { toldSettings } from '#platform/config-told';
import type { Pool } from '#platform/db';
import type { Log } from '#platform/log';
import type { PubSub } from '#platform/pubsub/pubsub';
import { currentRequest } from '#platform/request-context';
import { seldom } from '#platform/seldom';
import type { ExportRow } from '#projections/export/export-row';
import type { KeyWatch, OrganizationService } from '#subgraphs/organization/index';

/** Rung when something waits for the drain; losing a ring costs a second. */
export const OWN_TRAIL_CHANNEL = 'own_events';

/** What a process has to tell of itself and of those who come to it. */
export interface OwnTrailOffice {
  readonly store: OwnEventStore;
  readonly trail: OwnTrail;
  readonly recorder: CallRecorder;
  readonly watch: KeyWatch;
}

export interface OfficeParts {
  readonly config: Pick<Config, 'recordReads'>;
  readonly pool: Pool;
  /** A process that has none is heard by the drain's next look. */
  readonly pubsub: Pick<PubSub, 'publish'> | undefined;
  readonly nameOf: (keyId: string) => Promise<string | undefined>;
  readonly log: Log;
}

export function openOwnTrail({ config, pool, pubsub, nameOf, log }: OfficeParts): OwnTrailOffice {
  const onError = seldom((error) =>
    log.warn({ err: error }, 'an event of Cairn’s own waits: it cannot be written'),
  );
  const ring = (): void => void pubsub?.publish(OWN_TRAIL_CHANNEL, 'ready').catch(onError);
  const store = new OwnEventStore(pool);
  const trail = new OwnTrail({ store, now: Date.now, nameOf, ring, log });
  const { recordReads: recordsReads } = config;
  const recorder = new CallRecorder({ trail, recordsReads, onError, now: Date.now });
  return { store, trail, recorder, watch: keyWatch(trail, recorder) };
}

/** What the request that is in hand says of whoever sent it. */
export function callerNow(principal?: Principal): Partial<Caller> {
  const { requestId, clientAddress, userAgent } = currentRequest() ?? {};
  return {
    ...(principal && { principal }),
    ...(requestId !== undefined && { requestId }),
    clientAddress,
    userAgent,
  };
}

function keyWatch(trail: OwnTrail, recorder: CallRecorder): KeyWatch {
  return {
    async firstUse({ id, role, accounts }, write) {
      const principal: Principal = { keyId: id, role, accounts: accounts ?? 'ALL' };
      const begun = await trail.beginService({
        eventName: 'UseApiKeyFirst',
        accounts: accountsOfKey(principal),
        caller: callerNow(principal),
        details: { keyId: id, role },
        resource: { type: 'Cairn::ApiKey', id },
      });
      // Whether it was the first is known to the row of the key alone; another process may have been faster.
      if (await write()) await begun.end({ result: undefined });
      else await begun.withdraw();
    },
    refused(operation, reason, key) {
      const path = currentRequest()?.path;
      const details = { reason, ...(path !== undefined && { path }) };
      recorder.refused({ operation, code: 'UNAUTHENTICATED', caller: callerNow(), key, details });
    },
  };
}

/** This process, in the table of those that ran. */
export function ownLife(
  { trail }: Pick<OwnTrailOffice, 'trail'>,
  {
    pool,
    name,
    config,
    log,
    version,
  }: {
    readonly pool: Pool;
    readonly name: string;
    readonly config: Config;
    readonly log: Log;
    readonly version: string;
  },
): ProcessLife {
  const settings = toldSettings(config);
  const self = { id: randomUUID(), name, host: hostname(), pid: process.pid, version, settings };
  const onError = seldom((error) => log.warn({ err: error }, 'this process cannot say that it lives'));
  return new ProcessLife({ store: new OwnProcessStore(pool), trail, self, isRunning, onError });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there and another user's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

type MakeFirstKey = OrganizationService['keys']['createFirstAdministrator'];

/** The first administrator's key, recorded like every other: begun before it is made. */
export async function firstAdministrator(
  { organization, ownTrail }: Pick<Installation, 'organization' | 'ownTrail'>,
  options: Parameters<MakeFirstKey>[0],
): Promise<string | undefined> {
  const begun = await ownTrail.trail.beginService({
    eventName: 'CreateApiKey',
    details: { name: 'First administrator', role: 'administrator', allAccounts: true },
  });
  const key = await organization.keys.createFirstAdministrator(options);
  if (key === null) await begun.withdraw();
  else await begun.end({ result: { keyId: key.split('_')[1] ?? '' } });
  return key ?? undefined;
}

/** Work that is done without anybody's asking at that moment. */
export function workTold({ trail }: Pick<OwnTrailOffice, 'trail'>) {
  const detailsOf = ({ account, before }: ErasureScope) => ({
    account,
    before: before === undefined ? null : new Date(before).toISOString(),
  });
  return {
    /** For the account itself: nothing but this is left of what was erased. */
    onErased: (scope: ErasureScope, job: string): Promise<void> =>
      trail.note({
        eventName: 'FinishErasure',
        accounts: [scope.account],
        details: { ...detailsOf(scope), job },
        resource: { type: 'Cairn::Account', id: scope.account },
      }),
    onRetention: (scope: ErasureScope): Promise<void> =>
      trail.note({
        eventName: 'ApplyRetention',
        details: detailsOf(scope),
        resource: { type: 'Cairn::Account', id: scope.account },
      }),
    onExport: (
      what: 'FinishExport' | 'FailExport' | 'RemoveExport',
      row: ToldExport,
      reason?: string,
    ): Promise<void> =>
      trail.note({
        eventName: what,
        accounts: accountsOfKey({ accounts: row.scope }),
        details: {
          export: row.id,
          createdBy: row.createdBy,
          state: row.state,
          format: row.format,
          rows: row.rows,
          bytes: row.bytes,
          sha256: row.sha256 ?? null,
          ...(reason !== undefined && { reason }),
        },
        resource: { type: 'Cairn::Export', id: row.id },
      }),
  };
}

type ToldExport = Pick<
  ExportRow,
  'id' | 'createdBy' | 'scope' | 'state' | 'format' | 'rows' | 'bytes' | 'sha256'
>;
