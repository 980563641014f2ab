import { existsSync } from 'node:fs';
import { alertDesk } from '#cli/alerts';
import { layoutOf } from '#cli/data-folder';
import { exportDesk } from '#cli/exports';
import { journalGauges } from '#cli/gauges';
import { isHistoryElsewhere, openHistoryIndex } from '#cli/history';
import type { Base, Installation } from '#cli/installation';
import { openBase, openInstallation, openInstallationJournal } from '#cli/installation';
import { type RateLimiter, createRateLimiter } from '#cli/rate-limit';
import { callerNow, openOwnTrail } from '#cli/own-trail';
import { type Fairness, createFairness } from '#cli/roles/fairness';
import type { OwnTrailOffice } from '#cli/own-trail';
import { once } from '#cli/roles/once';
import { tellOwnLife } from '#cli/roles/own-trail';
import { RecordingCheck } from '#cli/roles/recording-check';
import type { Roles } from '#cli/roles/roles';
import { nameOf } from '#cli/roles/roles';
import { CairnError } from '#domain/errors';
import type { OpenJournal } from '#journal/journal';
import type { Config } from '#platform/config';
import { createOrm, createPool } from '#platform/db';
import { StreamCaps } from '#platform/graphql/streams/stream-caps';
import type { Check } from '#platform/http/health';
import { deriveInternalKeys, readInternalKeys } from '#platform/internal/internal-keys';
import type { InternalKeys } from '#platform/internal/request-signature';
import { FileKeyProvider } from '#platform/keys';
import { seldom } from '#platform/seldom';
import type { Shutdown } from '#platform/shutdown';
import { STAGE } from '#platform/shutdown';
import type { HistoryIndex } from '#projections/history/history-index';
import type { EventsServices } from '#subgraphs/events/index';
import { createEventsServices } from '#subgraphs/events/index';
import type { Authenticator, StreamTickets } from '#subgraphs/organization/index';
import { ORGANIZATION_ENTITIES, createKeys } from '#subgraphs/organization/index';

/** What tells whose a request or a stream is. */
export interface Keys {
  readonly authenticator: Authenticator;
  readonly tickets: StreamTickets;
  /** Where it is told who was let in and who was not. */
  readonly ownTrail: OwnTrailOffice;
}

/** What the roles of one process stand on. Each part is opened when the first role asks, once for all. */
export class Ground {
  readonly base: Base;
  readonly roles: Roles;
  readonly shutdown: Shutdown;
  /** What /readyz asks: every part that was opened adds its own. */
  readonly checks: Record<string, Check> = {};
  /** The same for what the process can do without for a while. */
  readonly lesserChecks: Record<string, Check> = {};

  /** What keys have used, at all doors of the process. */
  readonly rates: RateLimiter;

  /** How callers share the process. */
  readonly fairness: Fairness = createFairness();

  /** Streams of all doors of the process count together. */
  readonly streams: StreamCaps;

  #endTrail: () => Promise<void> = async () => undefined;

  constructor(config: Config, roles: Roles, shutdown: Shutdown) {
    const { streams: total, streamsPerKey: perKey, streamsPerConnection: perConnection } = config;
    this.streams = new StreamCaps({ total, perKey, perConnection });
    this.base = openBase(config, nameOf(roles), shutdown);
    this.rates = createRateLimiter(config, this.base.telemetry.metrics);
    this.roles = roles;
    this.shutdown = shutdown;
  }

  readonly installation = once(async (): Promise<Installation> => {
    const installation = await openInstallation(this.base, this.shutdown);
    this.checks['postgres'] = async () => {
      await installation.pool.query('SELECT 1');
    };
    Object.assign(this.lesserChecks, installation.lesserChecks);
    this.#endTrail = await tellOwnLife(this, installation.ownTrail, installation.pool);
    return installation;
  });

  /** After its last words a process has nothing more to record. */
  async endTrail(): Promise<void> {
    await this.#endTrail();
  }

  readonly journal = once(async (): Promise<OpenJournal> => {
    const journal = await openInstallationJournal(await this.installation(), this.shutdown);
    this.checks['journal'] = async () => {
      await journal.head();
    };
    return journal;
  });

  /** Event history as its readers have it; the worker writes it. */
  readonly history = once(async (): Promise<HistoryIndex> => {
    const history = await openHistoryIndex(await this.installation(), await this.journal());
    const close = (): Promise<void> => history.close();
    this.shutdown.add({ name: 'history', stage: STAGE.services, timeout: 5_000, run: close });
    const checks = isHistoryElsewhere(this.base.config) ? this.lesserChecks : this.checks;
    checks['history'] = async () => {
      await history.freshness();
    };
    return history;
  });

  /** Both doors for events record through these. */
  readonly events = once(async (): Promise<EventsServices> => {
    const [installation, journal, history] = [
      await this.installation(),
      await this.journal(),
      await this.history(),
    ];
    journalGauges(installation, journal, history);
    const { telemetry, log } = this.base;
    const recording = new RecordingCheck();
    this.lesserChecks['recording'] = recording.check;
    const events = createEventsServices({
      journal: {
        append: (submission) =>
          recording.watch(() => telemetry.span('journal append', {}, () => journal.append(submission))),
        get: (places) => telemetry.span('journal get', {}, () => journal.get(places)),
        counters: () => journal.counters(),
        head: () => journal.head(),
        read: (from, limit) => journal.read(from, limit),
      },
      history,
      accounts: installation.organization.accounts,
      eventIds: journal.eventIds,
      now: Date.now,
      charge: this.rates.recordBytes,
      refused: (principal, code) => {
        const caller = callerNow(principal);
        installation.ownTrail.recorder.refused({ operation: 'RecordEvents', code, caller });
      },
      slices: this.fairness.slices,
      live: {
        pubsub: installation.journalDeps.pubsub,
        onError: seldom((error) => log.warn({ err: error }, 'live events wait: the journal cannot be read')),
      },
      exports: exportDesk(installation),
      alerts: alertDesk(installation, this.shutdown),
    });
    const close = async (): Promise<void> => {
      await Promise.all([events.live.close(), events.raised.close()]);
    };
    this.shutdown.add({ name: 'live events', stage: STAGE.rest, timeout: 5_000, run: close });
    return events;
  });

  /** A gateway alone needs the tables of keys and tickets and nothing else of the installation. */
  readonly keys = once(async (): Promise<Keys> => {
    if (this.#isGatewayAlone) return this.#keysOnly();
    const { organization, ownTrail } = await this.installation();
    return { authenticator: organization.authenticator, tickets: organization.tickets, ownTrail };
  });

  async authenticator(): Promise<Authenticator> {
    return (await this.keys()).authenticator;
  }

  /** What signs and verifies requests between the processes of the installation. */
  readonly internalKeys = once(async (): Promise<InternalKeys> => {
    const { internalKey, dataDir, kmsMasterKey } = this.base.config;
    if (internalKey !== undefined) return readInternalKeys(internalKey);
    if (!this.#isGatewayAlone) return deriveInternalKeys((await this.installation()).journalDeps.keys);
    const { masterKey } = layoutOf(dataDir);
    if (kmsMasterKey === undefined && existsSync(masterKey)) {
      return deriveInternalKeys(await FileKeyProvider.open(masterKey));
    }
    throw new CairnError(
      'INVALID_ARGUMENT',
      `A gateway that has not the master key (${masterKey}) needs CAIRN_INTERNAL_KEY, the same as its subgraphs have.`,
    );
  });

  get #isGatewayAlone(): boolean {
    return this.roles.size === 1 && this.roles.has('gateway');
  }

  async #keysOnly(): Promise<Keys> {
    const { config, log, name } = this.base;
    const postgresUrl = config.postgresUrl ?? '';
    const orm = await createOrm(postgresUrl, ORGANIZATION_ENTITIES);
    const pool = createPool(postgresUrl, { name: `cairn-${name}`, max: 2 });
    this.shutdown.add({ name: 'pool', stage: STAGE.telemetry, timeout: 10_000, run: () => pool.end() });
    const nameOf = (keyId: string): Promise<string | undefined> => keys.authenticator.nameOf(keyId);
    const office = openOwnTrail({ config, pool, pubsub: undefined, nameOf, log });
    const keys = createKeys({ orm, log, watch: office.watch });
    const close = async (): Promise<void> => {
      await keys.authenticator.close();
      await orm.close(true);
    };
    this.shutdown.add({ name: 'keys', stage: STAGE.services, timeout: 10_000, run: close });
    this.checks['postgres'] = async () => {
      // Until something was asked of it the ORM has no connection, and says no without looking.
      await orm.connect();
      if (!(await orm.isConnected())) throw new Error('PostgreSQL does not answer.');
    };
    await tellOwnLife(this, office, pool);
    return { ...keys, ownTrail: office };
  }
}
