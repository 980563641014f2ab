import { Exports, type ExportsParts } from '#subgraphs/events/exports';
import { LiveEvents, type LiveParts } from '#subgraphs/events/live/live-events';
import { EventReader, type ReaderDependencies } from '#subgraphs/events/read-events';
import { EventRecorder, type RecorderDependencies } from '#subgraphs/events/record';

export interface EventsDependencies extends ReaderDependencies, RecorderDependencies {
  readonly journal: ReaderDependencies['journal'] & RecorderDependencies['journal'] & LiveParts['journal'];
  readonly live: Omit<LiveParts, 'journal' | 'eventIds'>;
  readonly exports: Omit<ExportsParts, 'now'>;
}

/** What the events subgraph's resolvers call. */
export interface EventsServices {
  readonly recorder: EventRecorder;
  readonly reader: EventReader;
  readonly live: LiveEvents;
  readonly exports: Exports;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createEventsServices(dependencies: EventsDependencies): EventsServices {
  return {
    recorder: new EventRecorder(dependencies),
    reader: new EventReader(dependencies),
    live: new LiveEvents({
      ...dependencies.live,
      journal: dependencies.journal,
      eventIds: dependencies.eventIds,
    }),
    exports: new Exports({ ...dependencies.exports, now: dependencies.now }),
    now: dependencies.now,
  };
}
