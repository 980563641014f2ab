import type { DeliveryState } from '#domain/alerts';
import type { Place } from '#journal/types';
import type { AccountScope } from '#projections/history/history-index';

/** What an administrator has said, checked. */
export interface AlertDefinition {
  /** Unique among the alerts of the same scope. */
  readonly name: string;
  /** The accounts of the key that put it; it is asked of their events only. */
  readonly scope: AccountScope;
  readonly description: string;
  /** The EventFilterInput as JSON. */
  readonly filter: string;
  /** For so long after a match further ones of the same account are counted and not raised. */
  readonly throttleSeconds: number;
}

/** Where matches are sent to, besides. The secret is wrapped with `webhookSecretContext` of the alert's id. */
export interface AlertWebhook {
  readonly url: string;
  readonly secret: Buffer;
}

/** An alert as the database knows it. */
export interface AlertRow extends AlertDefinition {
  readonly id: string;
  /** Events from here on are asked: of its creation, or of the last change of its filter. */
  readonly from: Place;
  readonly webhook: AlertWebhook | undefined;
  /** Matches so far, and how many of them are not kept any more because there were too many. */
  readonly raised: number;
  readonly dropped: number;
  /** The API key that put it last. */
  readonly putBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An event that an alert concerns, and that was raised. */
export interface AlertMatch {
  readonly alert: string;
  readonly place: Place;
  readonly account: string;
  /** Milliseconds since 1970. */
  readonly eventTime: number;
  /** When the event was recorded. */
  readonly receivedAt: Date;
  readonly matchedAt: Date;
  /** Further matches that the alert's throttle held back, and when the last of them was recorded. */
  readonly suppressed: number;
  readonly lastSuppressedAt: Date | undefined;
}

/** A place in the list of alerts, the newest first. */
export interface AlertCursor {
  readonly createdAt: Date;
  readonly id: string;
}

export interface AlertSlice {
  readonly direction: 'forward' | 'backward';
  readonly cursor: AlertCursor | undefined;
  readonly limit: number;
}

/** A place in the list of matches; those of one event are ordered by their alert. */
export interface MatchCursor {
  readonly place: Place;
  readonly alert: string;
}

/** The newest first; backward: the oldest before the cursor first. */
export interface MatchSlice {
  readonly direction: 'forward' | 'backward';
  readonly cursor: MatchCursor | undefined;
  readonly limit: number;
}

/** A match on its way to a webhook. */
export interface Delivery {
  readonly id: string;
  readonly alert: string;
  readonly place: Place;
  readonly account: string;
  readonly eventTime: number;
  readonly state: DeliveryState;
  /** Attempts that were begun, since it was last asked to be sent again. */
  readonly attempts: number;
  /** How often it was ever claimed: names the attempt at hand. */
  readonly claims: number;
  readonly nextAttemptAt: Date;
  readonly lastError: string | undefined;
  /** Of the last answer; undefined when there was none. */
  readonly lastStatus: number | undefined;
  readonly createdAt: Date;
  readonly deliveredAt: Date | undefined;
}

/** One that is to be sent now by whoever claimed it. */
export interface DueDelivery extends Delivery {
  readonly alertName: string;
  readonly alertDescription: string;
  /** Further matches that the alert's throttle has held back so far. */
  readonly suppressed: number;
  readonly webhook: AlertWebhook;
}

/** What a webhook's secret is wrapped and unwrapped with. */
export function webhookSecretContext(alert: string): string {
  return `alert-webhook/${alert}`;
}
