import type { EventIds } from '#journal/event-id';
import { Alerts, type AlertsParts } from '#subgraphs/events/alerts';
import { AlertDeliveries, type DeliveriesParts } from '#subgraphs/events/alerts/alert-deliveries';
import { AlertMatches } from '#subgraphs/events/alerts/alert-matches';
import { RaisedAlerts } from '#subgraphs/events/alerts/raised-alerts';
import { Exports, type ExportsParts } from '#subgraphs/events/exports';
import { LiveEvents, type LiveLimits, type LiveParts } from '#subgraphs/events/live/live-events';
import { EventReader, type ReaderDependencies } from '#subgraphs/events/read-events';
import { EventRecorder, type RecorderDependencies } from '#subgraphs/events/record';

export interface EventsDependencies extends ReaderDependencies, RecorderDependencies {
  readonly journal: ReaderDependencies['journal'] & RecorderDependencies['journal'] & LiveParts['journal'];
  readonly live: Omit<LiveParts, 'journal' | 'eventIds'>;
  readonly exports: Omit<ExportsParts, 'now'>;
  readonly alerts: Omit<AlertsParts, 'journal'> & {
    /** What may wait for subscribers. */
    readonly live?: LiveLimits | undefined;
    readonly deliveries: DeliveriesParts;
  };
}

/** What the events subgraph's resolvers call. */
export interface EventsServices {
  readonly recorder: EventRecorder;
  readonly reader: EventReader;
  readonly live: LiveEvents;
  readonly exports: Exports;
  readonly alerts: Alerts;
  readonly deliveries: AlertDeliveries;
  readonly matches: AlertMatches;
  readonly eventIds: EventIds;
  readonly raised: RaisedAlerts;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createEventsServices(dependencies: EventsDependencies): EventsServices {
  const { journal, eventIds, live, now } = dependencies;
  const { store } = dependencies.alerts;
  const reader = new EventReader(dependencies);
  const alerts = new Alerts({ ...dependencies.alerts, journal });
  return {
    recorder: new EventRecorder(dependencies),
    reader,
    live: new LiveEvents({ ...live, journal, eventIds }),
    exports: new Exports({ ...dependencies.exports, now }),
    alerts,
    deliveries: new AlertDeliveries(dependencies.alerts.deliveries, alerts),
    eventIds,
    matches: new AlertMatches({ store, reader, eventIds }),
    raised: new RaisedAlerts({
      ...live,
      limits: dependencies.alerts.live,
      store,
      alerts,
      journal,
      eventIds,
    }),
    now,
  };
}
