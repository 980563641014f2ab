import { AccountSettingsCache } from '#cli/account-settings';
import { layoutOf } from '#cli/data-folder';
import type { DataLayout } from '#cli/data-folder';
import { openMasterKey } from '#cli/master-key';
import { openMessages } from '#cli/messages';
import { openObjectStores } from '#cli/object-stores';
import { openOwnTrail } from '#cli/own-trail';
import type { OwnTrailOffice } from '#cli/own-trail';
import { jobs as definitions } from '#domain/jobs';
import type { JobDesk } from '#domain/jobs';
import type { JournalDeps, OpenJournal } from '#journal/journal';
import { openJournal } from '#journal/journal';
import type { Recovery } from '#journal/recover';
import { retentionCutOff } from '#domain/month';
import type { Config } from '#platform/config';
import type { MikroORM, Pool } from '#platform/db';
import { createOrm, createPool } from '#platform/db';
import type { Check } from '#platform/http/health';
import type { Log } from '#platform/log';
import { createLog } from '#platform/log';
import { createBullQueue } from '#platform/queue/bull-queue';
import type { Queue } from '#platform/queue/queue';
import { seldom } from '#platform/seldom';
import type { Shutdown } from '#platform/shutdown';
import { STAGE } from '#platform/shutdown';
import type { Telemetry } from '#platform/telemetry';
import { createTelemetry } from '#platform/telemetry';
import { ORGANIZATION_ENTITIES, OrganizationService } from '#subgraphs/organization/index';
import { createJobBoard } from '#workers/jobs/board';
import { createJobDesk } from '#workers/jobs/desk';
import type { JobStore } from '#workers/jobs/store';
import { createJobStore } from '#workers/jobs/store';

/** What every process has, whatever it does. */
export interface Base {
  readonly config: Config;
  /** `api`, `worker`, `prepare`, `events` ...: in log lines, traces and database sessions. */
  readonly name: string;
  readonly log: Log;
  readonly telemetry: Telemetry;
}

/** What every process of an installation stands on. Closed through the shutdown it was opened with. */
export interface Installation extends Base {
  readonly layout: DataLayout;
  readonly pool: Pool;
  readonly orm: MikroORM;
  /** What the journal stands on, for its own start and checks. */
  readonly journalDeps: JournalDeps;
  readonly jobs: { readonly queue: Queue; readonly store: JobStore; readonly desk: JobDesk };
  readonly organization: OrganizationService;
  readonly settings: AccountSettingsCache;
  /** What is done to Cairn itself. */
  readonly ownTrail: OwnTrailOffice;
  /** What /readyz asks of services that a process can do without for a while. */
  readonly lesserChecks: Readonly<Record<string, Check>>;
}

/** Milliseconds that one part may take to close. */
const CLOSE_MS = 10_000;

export function openBase(config: Config, name: string, shutdown: Shutdown): Base {
  const log = createLog({ level: config.logLevel, name });
  const telemetry = createTelemetry({ process: name, otlpEndpoint: config.otlpEndpoint });
  const close = (): Promise<void> => telemetry.close();
  shutdown.add({ name: 'telemetry', stage: STAGE.telemetry, timeout: CLOSE_MS, run: close });
  return { config, name, log, telemetry };
}

/** Opens databases, stores, queue and keys of the data folder. `config.postgresUrl` must be set. */
export async function openInstallation(base: Base, shutdown: Shutdown): Promise<Installation> {
  const { config, log, name } = base;
  const { postgresUrl } = config;
  if (postgresUrl === undefined) throw new Error('A process of Cairn needs CAIRN_POSTGRES_URL.');
  const closing = (part: string, run: () => Promise<void>, stage: number = STAGE.services): void =>
    shutdown.add({ name: part, stage, timeout: CLOSE_MS, run });

  const layout = layoutOf(config.dataDir, config.anchorDir);
  const onError = (part: string): ((error: unknown) => void) =>
    seldom((error) => log.warn({ err: error }, `${part}: a connection failed`));
  const pool = createPool(postgresUrl, {
    name: `cairn-${name}`,
    max: config.postgresConnections,
    onError: onError('pool'),
  });
  closing('pool', () => pool.end(), STAGE.telemetry);
  const orm = await createOrm(postgresUrl, ORGANIZATION_ENTITIES);
  closing('orm', () => orm.close(true));
  const { pubsub, backend, lesserChecks } = openMessages(config, postgresUrl, onError);
  closing('pubsub', () => pubsub.close());
  const stores = await openObjectStores(config, layout, log);
  closing('objects', async () => stores.close(), STAGE.telemetry);
  const journalDeps = {
    pool,
    objects: stores.objects,
    keyObjects: stores.keyObjects,
    anchor: stores.anchor,
    keys: await openMasterKey(config, layout, stores.keyObjects),
    pubsub,
    log,
  };
  const queue = createBullQueue({ backend, onError: onError('queue') });
  closing('queue', () => queue.close(), STAGE.work);
  const store = createJobStore(pool);
  const desk = createJobDesk({ queue, store, log });
  const board = createJobBoard({ queue, store, definitions: Object.values(definitions), log });
  const nameOf = (keyId: string): Promise<string | undefined> => organization.authenticator.nameOf(keyId);
  const ownTrail = openOwnTrail({ config, pool, pubsub, nameOf, log });
  closing('own trail', () => ownTrail.recorder.close(), STAGE.rest);
  const organization = new OrganizationService({ orm, desk, board, log, watch: ownTrail.watch });
  closing('organization', () => organization.close());
  const settings = new AccountSettingsCache(() => organization.accounts.settings(), onError('settings'));
  closing('settings', () => settings.close());
  return {
    ...base,
    layout,
    pool,
    orm,
    journalDeps,
    jobs: { queue, store, desk },
    organization,
    settings,
    ownTrail,
    lesserChecks: { ...lesserChecks, objects: () => stores.check(), anchor: () => stores.checkAnchor() },
  };
}

/**
 * The journal of an installation, with the retention that its accounts have set. `prepare` recovers it once a
 * start, before the others open it; `restored` says that a restore came before.
 */
export async function openInstallationJournal(
  { config, journalDeps, settings, ownTrail }: Installation,
  shutdown: Shutdown,
  { recover, restored = false }: { readonly recover: boolean; readonly restored?: boolean } = {
    recover: false,
  },
): Promise<OpenJournal> {
  await settings.start();
  const journal = await openJournal(journalDeps, {
    recover,
    restored,
    onRecovered: (recovery) => tellRecovery(ownTrail, recovery, restored),
    retentionStart: (account) => {
      const months = settings.of(account)?.retentionMonths;
      return months === undefined ? undefined : retentionCutOff(Date.now(), months);
    },
    append: { queueBytes: config.maxQueueBytes },
    sealBytes: config.sealBytes,
    sealMs: config.sealSeconds * 1_000,
  });
  shutdown.add({ name: 'journal', stage: STAGE.services, timeout: CLOSE_MS, run: () => journal.close() });
  return journal;
}

/** A start that found everything in order tells nothing. */
async function tellRecovery({ trail }: OwnTrailOffice, recovery: Recovery, restored: boolean): Promise<void> {
  const { created, rebuilt, replayed, newEpoch } = recovery;
  if (!created && !rebuilt && replayed === 0 && newEpoch === undefined) return;
  const eventName = restored ? 'RestoreInstallation' : created ? 'BeginLog' : 'RecoverJournal';
  await trail.tell({ eventName, details: { created, rebuilt, replayed, newEpoch: newEpoch ?? null } });
}
