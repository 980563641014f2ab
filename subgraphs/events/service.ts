import { EventReader, type ReaderDependencies } from '#subgraphs/events/read-events';
import { EventRecorder, type RecorderDependencies } from '#subgraphs/events/record';

export type EventsDependencies = ReaderDependencies & RecorderDependencies;

/** What the events subgraph's resolvers call. */
export interface EventsServices {
  readonly recorder: EventRecorder;
  readonly reader: EventReader;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createEventsServices(dependencies: EventsDependencies): EventsServices {
  return {
    recorder: new EventRecorder(dependencies),
    reader: new EventReader(dependencies),
    now: dependencies.now,
  };
}
