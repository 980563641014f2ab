import { join } from 'node:path';
import type { ExecutionResult } from 'graphql';
import { ALERT_LIMITS, type AlertLimits } from '#domain/alerts';
import type { Principal } from '#domain/principal';
import type { OpenJournal } from '#journal/journal';
import type { ErasureScope } from '#journal/types';
import { AddressGuard } from '#platform/outbound/address-guard';
import { Sender } from '#platform/outbound/sender';
import type { PubSub } from '#platform/pubsub/pubsub';
import { ALERTS_CHANNEL, AlertsProjection } from '#projections/alerts/alerts-projection';
import { WebhookSample } from '#projections/alerts/deliveries/sample';
import { DeliveryStore } from '#projections/alerts/deliveries/store';
import { MatchStore } from '#projections/alerts/matches/store';
import { AlertStore } from '#projections/alerts/store';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';
import { createEventsServices, events, type EventsServices } from '#subgraphs/events/index';
import type { LiveLimits } from '#subgraphs/events/live/live-events';
import { buildSubgraph, type Subgraph } from '#subgraphs/shared/build-subgraph';
import { MemoryAccounts } from '#test/events/memory-accounts';
import { noExports } from '#test/events/no-exports';
import { runAs } from '#test/events/run-subgraph';
import { createJournalBed, submissionOf, type JournalBed } from '#test/journal-bed';
import { type EventFields, newEvent } from '#test/new-event';

interface ProcessOptions {
  readonly pubsub?: Pick<PubSub, 'subscribe'>;
  readonly live?: LiveLimits;
  readonly limits?: AlertLimits;
  readonly check?: (url: string) => Promise<void>;
}

/** A process of the events subgraph over the platform's journal. */
export interface EventsProcess {
  readonly subgraph: Subgraph;
  readonly services: EventsServices;
  run(principal: Principal, text: string, variables?: Record<string, unknown>): Promise<ExecutionResult>;
}

/** A journal with its alerts: real PostgreSQL, and what follows it moved by hand. */
export class AlertsPlatform implements AsyncDisposable {
  readonly bed: JournalBed;
  readonly journal: OpenJournal;
  readonly projection: AlertsProjection;
  readonly errors: unknown[] = [];
  readonly #closing: (() => Promise<void>)[] = [];
  #recorded = 0;

  private constructor(bed: JournalBed, journal: OpenJournal) {
    this.bed = bed;
    this.journal = journal;
    this.projection = new AlertsProjection({
      store: new MatchStore(bed.pool),
      ring: ({ epoch, position }) => void bed.pubsub.publish(ALERTS_CHANNEL, `${epoch}:${position}`),
      now: Date.now,
    });
  }

  static async start(): Promise<AlertsPlatform> {
    const bed = await createJournalBed();
    const platform = new AlertsPlatform(bed, await bed.open());
    await platform.projection.init();
    return platform;
  }

  async open({ pubsub, live, limits, check }: ProcessOptions = {}): Promise<EventsProcess> {
    const journal = await this.bed.open({ recover: false });
    const history = new SqliteHistoryIndex(join(this.bed.folder, 'none'), journal);
    const onError = (error: unknown): void => void this.errors.push(error);
    const services = createEventsServices({
      journal,
      history,
      accounts: new MemoryAccounts(),
      eventIds: journal.eventIds,
      now: Date.now,
      live: { pubsub: pubsub ?? this.bed.pubsub, onError, lookMs: 20 },
      exports: noExports,
      alerts: {
        store: new AlertStore(this.bed.pool),
        keys: this.bed.keys,
        outbound: { check: check ?? (() => Promise.resolve()) },
        deliveries: { store: new DeliveryStore(this.bed.pool), sample: this.#sample() },
        limits: limits ?? ALERT_LIMITS,
        live,
      },
    });
    const subgraph = buildSubgraph(events, { services, log: { error: onError } });
    this.#closing.push(
      () => services.raised.close(),
      () => history.close(),
    );
    return {
      subgraph,
      services,
      run: (principal, text, variables) => runAs(subgraph, principal, { text, variables }),
    };
  }

  #sample(): WebhookSample {
    const guard = new AddressGuard({ networks: ['127.0.0.0/8'] });
    const sender = new Sender({ guard, userAgent: 'cairn-test' });
    this.#closing.push(() => sender.close());
    return new WebhookSample({ keys: this.bed.keys, sender, log: () => Promise.resolve('log') });
  }

  /** Records so many events and gives their ids. */
  async record(count: number, fields: EventFields = {}): Promise<string[]> {
    const from = this.#recorded;
    this.#recorded += count;
    const made = Array.from({ length: count }, (_, index) => newEvent(from + index, fields));
    await this.journal.append(submissionOf(made));
    return made.map(({ eventId }) => eventId);
  }

  /** Until alerts have seen all that the journal has. */
  async settle(limit = 1_000, journal = this.journal): Promise<void> {
    for (let behind = 1; behind > 0;) {
      const slice = await journal.read(await this.projection.cursor(), limit);
      await this.projection.write(slice);
      ({ behind } = slice);
    }
  }

  async erase(scope: ErasureScope): Promise<void> {
    await this.journal.erase(scope);
    await this.projection.erase(scope);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing) await close();
    await this.bed[Symbol.asyncDispose]();
  }
}
