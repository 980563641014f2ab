import type { ErrorCode } from '#domain/errors';

/** The categories of CloudTrail records (User Guide, record contents; eventCategory). */
export const EVENT_CATEGORIES = [
  'Management',
  'Data',
  'NetworkActivity',
  'Insight',
  'Aggregated',
  'ActivityAuditLog',
  'ConfigurationItem',
  'Evidence',
] as const;
export type EventCategory = (typeof EVENT_CATEGORIES)[number];

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue | undefined;
}

/** A record that has passed every check, with what the journal and the doors need of it. */
export interface ParsedEvent {
  /** UTF-8 JSON exactly as received; never re-serialised. */
  readonly raw: Buffer;
  readonly record: JsonObject;
  /** eventID, or the format's own (`UID`, `eventId`), or the hex SHA-256 of `raw`. */
  readonly eventId: string;
  /** Milliseconds since 1970, UTC. */
  readonly eventTime: number;
  readonly category: EventCategory;
  /** recipientAccountId, else userIdentity.accountId; undefined when the record names neither. */
  readonly account: string | undefined;
}

/** Why bytes cannot be an event. */
export interface EventRefusal {
  readonly code: Extract<
    ErrorCode,
    | 'INVALID_JSON'
    | 'INVALID_UTF8'
    | 'INVALID_EVENT'
    | 'FIELD_NOT_FOUND'
    | 'EVENT_TOO_LARGE'
    | 'TOO_DEEP'
    | 'INVALID_EVENT_TIME'
  >;
  /** The field at fault, such as `insightDetails.eventName`; undefined when it is the whole record. */
  readonly path: string | undefined;
  /** For the sender; holds no values of the record. */
  readonly message: string;
}

/** The values of one event that history can be searched by; undefined where the record has none. */
export interface IndexedFields {
  readonly eventId: string;
  readonly eventTime: number;
  readonly eventName: string | undefined;
  readonly eventSource: string | undefined;
  readonly readOnly: boolean | undefined;
  readonly username: string | undefined;
  readonly principalArn: string | undefined;
  readonly accessKeyId: string | undefined;
  readonly resources: readonly EventResource[];
  readonly account: string;
  readonly region: string | undefined;
  readonly sourceIPAddress: string | undefined;
  readonly userAgent: string | undefined;
  readonly errorCode: string | undefined;
  readonly category: EventCategory;
}

export interface EventResource {
  readonly type: string | undefined;
  /** As LookupEvents shows it: the last part of the ARN, or the name that the record gives. */
  readonly name: string | undefined;
  readonly arn: string | undefined;
}
