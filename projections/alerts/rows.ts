import type { DeliveryState } from '#domain/alerts';
import type { Place } from '#journal/types';
import type { AlertMatch, AlertRow, AlertWebhook, Delivery } from '#projections/alerts/alert-row';

/** Rows of the tables as PostgreSQL gives them: whole numbers beyond 2^31 are texts. */
export interface AlertRecord {
  readonly id: string;
  readonly name: string;
  readonly scope: readonly string[] | null;
  readonly description: string;
  readonly filter: string;
  readonly throttle_seconds: number;
  readonly from_epoch: number;
  readonly from_position: string;
  readonly webhook_url: string | null;
  readonly webhook_secret: Buffer | null;
  readonly raised: string;
  readonly dropped: string;
  readonly put_by: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export interface PlaceRecord {
  readonly epoch: number;
  readonly position: string;
}

export interface MatchRecord extends PlaceRecord {
  readonly alert: string;
  readonly account: string;
  readonly event_time: string;
  readonly received_at: Date;
  readonly matched_at: Date;
  readonly suppressed: string;
  readonly last_suppressed_at: Date | null;
}

export interface DeliveryRecord extends PlaceRecord {
  readonly id: string;
  readonly alert: string;
  readonly account: string;
  readonly event_time: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly claims: number;
  readonly next_attempt_at: Date;
  readonly last_error: string | null;
  readonly last_status: number | null;
  readonly created_at: Date;
  readonly delivered_at: Date | null;
}

export function toAlert(row: AlertRecord): AlertRow {
  return {
    id: row.id,
    name: row.name,
    scope: row.scope ?? 'ALL',
    description: row.description,
    filter: row.filter,
    throttleSeconds: row.throttle_seconds,
    from: { epoch: row.from_epoch, position: Number(row.from_position) },
    webhook: toWebhook(row),
    raised: Number(row.raised),
    dropped: Number(row.dropped),
    putBy: row.put_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function toWebhook({
  webhook_url: url,
  webhook_secret: secret,
}: Pick<AlertRecord, 'webhook_url' | 'webhook_secret'>): AlertWebhook | undefined {
  return url === null || secret === null ? undefined : { url, secret };
}

export function toPlace({ epoch, position }: PlaceRecord): Place {
  return { epoch, position: Number(position) };
}

export function toMatch(row: MatchRecord): AlertMatch {
  return {
    alert: row.alert,
    place: toPlace(row),
    account: row.account,
    eventTime: Number(row.event_time),
    receivedAt: row.received_at,
    matchedAt: row.matched_at,
    suppressed: Number(row.suppressed),
    lastSuppressedAt: row.last_suppressed_at ?? undefined,
  };
}

export function toDelivery(row: DeliveryRecord): Delivery {
  return {
    id: row.id,
    alert: row.alert,
    place: toPlace(row),
    account: row.account,
    eventTime: Number(row.event_time),
    state: row.state,
    attempts: row.attempts,
    claims: row.claims,
    nextAttemptAt: row.next_attempt_at,
    lastError: row.last_error ?? undefined,
    lastStatus: row.last_status ?? undefined,
    createdAt: row.created_at,
    deliveredAt: row.delivered_at ?? undefined,
  };
}
