import { EVENT_CATEGORIES, type EventCategory, type JsonObject, type JsonValue } from '#domain/event';
import { isObject, type FieldPath } from '#domain/event-values';

export interface RequiredField {
  readonly path: FieldPath;
  readonly type: 'text' | 'object';
}

/** What a record of one shape must have, and where it keeps what the journal needs; first hit wins. */
export interface EventFormat {
  readonly required: readonly RequiredField[];
  readonly time: readonly FieldPath[];
  readonly id: readonly FieldPath[];
  readonly account: readonly FieldPath[];
}

const text = (...path: string[]): RequiredField => ({ path, type: 'text' });
const object = (...path: string[]): RequiredField => ({ path, type: 'object' });

/**
 * Required is what Cairn cannot do without, not all that AWS promises: real records lack eventID,
 * eventVersion, awsRegion, sourceIPAddress, requestParameters or userIdentity.type, and events that are
 * not AWS's never had them. Sources: User Guide, cloudtrail-event-reference-record-contents (also for
 * Insights and aggregated events), query-integration-event-schema, query-event-data-store-config-schema.
 */
const AWS_RECORD: EventFormat = {
  required: [text('eventTime'), text('eventSource'), text('eventName'), object('userIdentity')],
  time: [['eventTime']],
  id: [['eventID']],
  account: [['recipientAccountId'], ['userIdentity', 'accountId']],
};
/** As a partner sends it to PutAuditEvents: the eventData alone. */
const PARTNER_DATA: EventFormat = {
  required: [...AWS_RECORD.required, text('UID')],
  time: [['eventTime']],
  id: [['eventID'], ['UID']],
  account: [['recipientAccountId'], ['userIdentity', 'accountId']],
};
/** As CloudTrail Lake stores it: eventData inside an envelope. */
const PARTNER_RECORD: EventFormat = {
  required: [
    text('eventData', 'UID'),
    text('eventData', 'eventTime'),
    text('eventData', 'eventSource'),
    text('eventData', 'eventName'),
    object('eventData', 'userIdentity'),
  ],
  time: [['eventTime'], ['eventData', 'eventTime']],
  id: [['eventID'], ['eventData', 'UID']],
  account: [['recipientAccountId'], ['eventData', 'recipientAccountId']],
};
const INSIGHT: EventFormat = {
  required: [text('eventTime'), text('insightDetails', 'eventSource'), text('insightDetails', 'eventName')],
  time: [['eventTime']],
  id: [['eventID']],
  account: [['recipientAccountId']],
};
/** The form of event data stores: the same facts without insightDetails. */
const INSIGHT_FLAT: EventFormat = {
  ...INSIGHT,
  required: [text('eventTime'), text('insightEventSource'), text('insightEventName')],
};
/** A summary of five minutes has no eventTime; its windowStart, which lies inside the window, stands for it. */
const AGGREGATED: EventFormat = {
  required: [text('eventId'), text('timeWindow', 'windowStart'), text('timeWindow', 'windowEnd')],
  time: [['timeWindow', 'windowStart']],
  id: [['eventId']],
  account: [['accountId'], ['recipientAccountId']],
};
const CONFIGURATION_ITEM: EventFormat = {
  required: [text('eventTime'), text('eventData', 'resourceType'), text('eventData', 'resourceId')],
  time: [['eventTime']],
  id: [['eventID']],
  account: [['recipientAccountId'], ['eventData', 'accountId']],
};
const EVIDENCE: EventFormat = {
  required: [text('eventTime'), object('eventData')],
  time: [['eventTime']],
  id: [['eventID']],
  account: [['recipientAccountId'], ['eventData', 'awsAccountId']],
};

const CATEGORY_OF_TYPE: ReadonlyMap<JsonValue | undefined, EventCategory> = new Map([
  ['AwsCloudTrailInsight', 'Insight'],
  ['AwsAggregatedEvent', 'Aggregated'],
  ['AwsVpceEvents', 'NetworkActivity'],
  ['AwsVpceEvent', 'NetworkActivity'],
  ['ActivityLog', 'ActivityAuditLog'],
  ['AwsConfigurationItem', 'ConfigurationItem'],
  ['AwsAuditManagerEvidence', 'Evidence'],
]);
const CATEGORIES: ReadonlySet<JsonValue | undefined> = new Set(EVENT_CATEGORIES);

/**
 * eventCategory where the record has a known one (since 1.07), else what eventType, managementEvent
 * (since 1.06) or the shape says. A record that says nothing, or a category of its own, is Management.
 */
export function categoryOf(record: JsonObject): EventCategory {
  const named = record['eventCategory'];
  if (isCategory(named)) return named;
  const typed = CATEGORY_OF_TYPE.get(record['eventType']);
  if (typed !== undefined) return typed;
  if (isObject(record['insightDetails'])) return 'Insight';
  if (typeof record['UID'] === 'string' && record['eventID'] === undefined) return 'ActivityAuditLog';
  return record['managementEvent'] === false ? 'Data' : 'Management';
}

export function formatOf(record: JsonObject, category: EventCategory): EventFormat {
  switch (category) {
    case 'Insight':
      return record['insightEventName'] === undefined ? INSIGHT : INSIGHT_FLAT;
    case 'ActivityAuditLog':
      return record['eventData'] === undefined ? PARTNER_DATA : PARTNER_RECORD;
    case 'Aggregated':
      return AGGREGATED;
    case 'ConfigurationItem':
      return CONFIGURATION_ITEM;
    case 'Evidence':
      return EVIDENCE;
    default:
      return AWS_RECORD;
  }
}

function isCategory(value: JsonValue | undefined): value is EventCategory {
  return CATEGORIES.has(value);
}
