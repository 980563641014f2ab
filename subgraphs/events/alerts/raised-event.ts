import type { EventIds } from '#journal/event-id';
import type { JournalEvent, Place } from '#journal/types';
import type { RaisedMatch } from '#projections/alerts/store';
import { printMatchCursor } from '#projections/alerts/match-cursor';
import type { EventNode } from '#subgraphs/events/event-node';
import { LiveEvent } from '#subgraphs/events/live/live-event';
import type { LiveItem } from '#subgraphs/events/live/live-queue';

/** A match as a subscriber is told. */
export class RaisedAlert {
  readonly match: RaisedMatch;
  readonly cursor: string;
  readonly #event: LiveEvent;

  constructor(match: RaisedMatch, event: LiveEvent, cursor: string) {
    this.match = match;
    this.cursor = cursor;
    this.#event = event;
  }

  get alertId(): string {
    return this.match.alert;
  }

  get alertName(): string {
    return this.match.alertName;
  }

  get raisedAt(): Date {
    return this.match.matchedAt;
  }

  get event(): EventNode {
    return this.#event.event;
  }
}

/** An event with all alerts that it concerns: made once, shared by all who are told. */
export class RaisedEvent implements LiveItem {
  readonly place: Place;
  readonly bytes: number;
  readonly alerts: readonly RaisedAlert[];

  constructor(event: JournalEvent, matches: readonly RaisedMatch[], eventIds: EventIds) {
    const live = new LiveEvent(event, eventIds);
    this.place = event.place;
    this.bytes = live.bytes;
    this.alerts = matches.map((match) => new RaisedAlert(match, live, printMatchCursor(eventIds, match)));
  }
}
