import type { Journal, Place } from '#journal/types';

/** Positions looked at in one step; erased ones say nothing of their time. */
const STEP = 64;

/** The first place whose event was received at or after `since` (milliseconds since 1970): receipts never decrease. */
export async function placeAt(journal: Pick<Journal, 'read' | 'head'>, since: number): Promise<Place> {
  const { epoch, position: head } = await journal.head();
  let low = 0;
  let high = head;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const seen = await firstFrom(journal, { epoch, position: middle }, high);
    // All that lies between was erased: the answer is not among it, or it makes no difference.
    if (seen === undefined || seen.receivedAt >= since) high = middle;
    else low = seen.position + 1;
  }
  return { epoch, position: low };
}

async function firstFrom(
  journal: Pick<Journal, 'read'>,
  from: Place,
  end: number,
): Promise<{ readonly position: number; readonly receivedAt: number } | undefined> {
  let place = from;
  while (place.position < end) {
    const { events, next } = await journal.read(place, Math.min(STEP, end - place.position));
    const [event] = events;
    if (event !== undefined) return { position: event.place.position, receivedAt: event.receivedAt };
    if (next.position <= place.position) return undefined;
    place = next;
  }
  return undefined;
}
