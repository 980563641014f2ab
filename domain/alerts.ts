/** What an installation allows of alerts. */
export interface AlertLimits {
  /** Alerts of the same accounts. */
  readonly perScope: number;
  /** Alerts of the installation: each of them is asked of every event. */
  readonly perInstallation: number;
}

export const ALERT_LIMITS: AlertLimits = { perScope: 200, perInstallation: 1_000 };

/** Matches of an alert that are kept at most; the oldest are dropped and counted. */
export const MAX_MATCHES_PER_ALERT = 10_000;
/** Days that a match is kept. */
export const MATCH_DAYS = 90;

/** PENDING: to be sent, for the first time or again. DELIVERED. DEAD: given up; somebody may send it again. */
export const DELIVERY_STATES = ['PENDING', 'DELIVERED', 'DEAD'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];
