import type { Place } from '#journal/types';

/** Where an event lies and when it happened, as its outside id holds it. */
export interface EventPlace {
  readonly place: Place;
  /** Milliseconds since 1970, cut to whole seconds. */
  readonly eventTime: number;
}

/** Opaque ids of events: the same token names an event and serves as its cursor. */
export interface EventIds {
  encode(place: Place, eventTime: number): string;
  /** Undefined for what is no id of this installation. */
  decode(id: string): EventPlace | undefined;
}
