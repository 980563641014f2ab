import { EVENT_CATEGORIES, type EventCategory } from '#domain/event';

/** Which of the journal's events history keeps. */
export interface HistoryPolicy {
  readonly categories: readonly EventCategory[];
  /** Days, by eventTime, that history keeps of an account; undefined = as long as the journal. */
  retentionDays(account: string): number | undefined;
  /** Milliseconds since 1970. */
  now(): number;
}

/** Network activity is voluminous and seldom looked up; the journal has it all the same. */
export const DEFAULT_CATEGORIES: readonly EventCategory[] = EVENT_CATEGORIES.filter(
  (category) => category !== 'NetworkActivity',
);

export const KEEP_ALL: HistoryPolicy = {
  categories: DEFAULT_CATEGORIES,
  retentionDays: () => undefined,
  now: Date.now,
};

const DAY = 86_400_000;

/** Events before this instant (milliseconds since 1970) are not kept; undefined = all are. */
export function cutOff(policy: HistoryPolicy, account: string): number | undefined {
  const days = policy.retentionDays(account);
  return days === undefined ? undefined : policy.now() - days * DAY;
}
