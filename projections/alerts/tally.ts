import type { JournalEvent, Place } from '#journal/types';

/** An alert that an event concerns. */
export interface Hit {
  readonly alert: { readonly id: string; readonly throttleSeconds: number };
  readonly event: Pick<JournalEvent, 'place' | 'account' | 'eventTime' | 'receivedAt'>;
}

/** The newest match of an alert in an account. Times are milliseconds since 1970. */
export interface LastRaised {
  readonly alert: string;
  readonly account: string;
  readonly place: Place;
  readonly receivedAt: number;
}

/** A match to write. */
export interface NewMatch extends LastRaised {
  readonly eventTime: number;
  /** What its throttle has held back already. */
  readonly suppressed: number;
  readonly lastSuppressed: number | undefined;
}

/** Further matches that were held back, of one that was raised before. */
export interface HeldBack {
  readonly alert: string;
  readonly place: Place;
  readonly suppressed: number;
  readonly lastSuppressed: number;
}

export interface Found {
  readonly raised: readonly NewMatch[];
  readonly held: readonly HeldBack[];
}

interface Open {
  readonly last: LastRaised;
  readonly isNew: boolean;
  eventTime: number;
  suppressed: number;
  lastSuppressed: number | undefined;
}

/** Names a pair for a map. */
function pairOf(alert: string, account: string): string {
  return `${alert}/${account}`;
}

/** The pairs whose newest match `tally` needs to know. */
export function throttledPairs(
  hits: readonly Hit[],
): readonly { readonly alert: string; readonly account: string }[] {
  const pairs = new Map<string, { readonly alert: string; readonly account: string }>();
  for (const { alert, event } of hits) {
    if (alert.throttleSeconds === 0) continue;
    pairs.set(pairOf(alert.id, event.account), { alert: alert.id, account: event.account });
  }
  return [...pairs.values()];
}

/**
 * What is raised and what is held back, of hits in the order of the journal. The clock is the time of receipt, which
 * never decreases and is the same whenever an event is looked at again. One account's matches do not hold back
 * another's: neither hears of the other, and when one is erased the other's are as they would have been.
 */
export function tally(hits: readonly Hit[], lastRaised: readonly LastRaised[]): Found {
  const newest = new Map<string, Open>();
  for (const last of lastRaised) {
    newest.set(pairOf(last.alert, last.account), {
      last,
      isNew: false,
      eventTime: 0,
      suppressed: 0,
      lastSuppressed: undefined,
    });
  }
  const all = [...newest.values()];
  for (const { alert, event } of hits) {
    const pair = pairOf(alert.id, event.account);
    const open = newest.get(pair);
    if (open !== undefined && event.receivedAt < open.last.receivedAt + alert.throttleSeconds * 1000) {
      open.suppressed += 1;
      open.lastSuppressed = event.receivedAt;
      continue;
    }
    const { place, account, receivedAt, eventTime } = event;
    const last = { alert: alert.id, account, place, receivedAt };
    const begun = { last, isNew: true, eventTime, suppressed: 0, lastSuppressed: undefined };
    newest.set(pair, begun);
    all.push(begun);
  }
  return { raised: all.filter(({ isNew }) => isNew).map(toMatch), held: all.flatMap(toHeld) };
}

function toMatch({ last, eventTime, suppressed, lastSuppressed }: Open): NewMatch {
  return { ...last, eventTime, suppressed, lastSuppressed };
}

function toHeld({ last, isNew, suppressed, lastSuppressed }: Open): readonly HeldBack[] {
  if (isNew || lastSuppressed === undefined) return [];
  return [{ alert: last.alert, place: last.place, suppressed, lastSuppressed }];
}
