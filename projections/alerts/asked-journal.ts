import { isBefore } from '#journal/place';
import type { Journal } from '#journal/types';
import type { MatchStore } from '#projections/alerts/matches/store';

type Readable = Pick<Journal, 'read' | 'head'>;

/**
 * The journal as alerts read it: while there are none, nothing is. What is recorded after an alert was put lies
 * behind the head that was looked at before.
 */
export function askedJournal(journal: Readable, store: Pick<MatchStore, 'hasAlerts'>): Readable {
  return {
    head: () => journal.head(),
    read: async (from, limit) => {
      const head = await journal.head();
      if (isBefore(head, from) || (await store.hasAlerts())) return journal.read(from, limit);
      return { events: [], next: head, behind: 0 };
    },
  };
}
