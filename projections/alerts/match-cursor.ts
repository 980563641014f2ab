import type { EventIds } from '#journal/event-id';
import type { AlertMatch } from '#projections/alerts/alert-row';

/** The event's id and the alert's: an event may concern several. */
export function printMatchCursor(
  eventIds: EventIds,
  match: Pick<AlertMatch, 'place' | 'eventTime' | 'alert'>,
): string {
  return `${eventIds.encode(match.place, match.eventTime)}.${match.alert}`;
}
