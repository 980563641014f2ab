/** An alert, a delivery: a UUID, as `randomUUID` writes it. */
export const ALERT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What an installation allows of alerts. */
export interface AlertLimits {
  /** Alerts of the same accounts. */
  readonly perScope: number;
  /** Alerts of the installation: each of them is asked of every event. */
  readonly perInstallation: number;
}

export const ALERT_LIMITS: AlertLimits = { perScope: 200, perInstallation: 1_000 };

/** The text of a description: 1,024 characters, none of them a control character but tabs and line breaks. */
export const ALERT_DESCRIPTION = /^(?:[^\p{Cc}\p{Cs}]|[\t\n\r]){0,1024}$/u;
/** Bytes of a filter as JSON. */
export const MAX_ALERT_FILTER_BYTES = 24_576;
/** Seconds for which an alert can be told to keep still: a day. */
export const MAX_THROTTLE_SECONDS = 86_400;
/** Characters of a webhook's address. */
export const MAX_WEBHOOK_URL_CHARS = 2_048;

/** Matches of an alert that are kept at most; the oldest are dropped and counted. */
export const MAX_MATCHES_PER_ALERT = 10_000;
/** Days that a match is kept. */
export const MATCH_DAYS = 90;

/** PENDING: to be sent, for the first time or again. DELIVERED. DEAD: given up; somebody may send it again. */
export const DELIVERY_STATES = ['PENDING', 'DELIVERED', 'DEAD'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** Bytes of a webhook's secret, and what its text begins with (Standard Webhooks). */
export const WEBHOOK_SECRET_BYTES = 32;
export const WEBHOOK_SECRET_PREFIX = 'whsec_';
