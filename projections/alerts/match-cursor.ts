import { ALERT_ID } from '#domain/alerts';
import { CairnError } from '#domain/errors';
import type { EventIds } from '#journal/event-id';
import type { AlertMatch, MatchCursor } from '#projections/alerts/alert-row';

/** The event's id and the alert's: an event may concern several. */
export function printMatchCursor(
  eventIds: EventIds,
  match: Pick<AlertMatch, 'place' | 'eventTime' | 'alert'>,
): string {
  return `${eventIds.encode(match.place, match.eventTime)}.${match.alert}`;
}

/** INVALID_CURSOR for what is no cursor of this installation. */
export function parseMatchCursor(eventIds: EventIds, cursor: string, path: 'after' | 'before'): MatchCursor {
  const [id = '', alert = '', ...rest] = cursor.split('.');
  const place = eventIds.decode(id)?.place;
  if (place !== undefined && ALERT_ID.test(alert) && rest.length === 0) return { place, alert };
  throw new CairnError('INVALID_CURSOR', 'This is no cursor of a match.', { path });
}
