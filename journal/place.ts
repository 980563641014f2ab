import type { Place } from '#journal/types';

/** Whether the place comes first in the order of the log. */
export function isBefore(place: Place, other: Place): boolean {
  return place.epoch < other.epoch || (place.epoch === other.epoch && place.position < other.position);
}
