import type { EventCategory, IndexedFields, JsonObject, JsonValue } from '#domain/event';
import { categoryOf } from '#domain/event-format';
import { eventResources } from '#domain/event-resources';
import { isObject, objectIn, textIn } from '#domain/event-values';

/** What the journal knows of an event besides its bytes. */
export interface EventEnvelope {
  readonly eventId: string;
  /** Milliseconds since 1970, UTC. */
  readonly eventTime: number;
  readonly account: string;
}

/**
 * The values by which an event is listed and found, in every index and in memory. Absent, null, empty and
 * wrongly typed values are undefined.
 */
export function indexedFields(
  record: JsonObject,
  { eventId, eventTime, account }: EventEnvelope,
): IndexedFields {
  const category = categoryOf(record);
  const body = bodyOf(record, category);
  const identity = objectIn(body, 'userIdentity');
  const call = callOf(body);
  return {
    eventId,
    eventTime,
    eventName: call.eventName,
    eventSource: call.eventSource,
    readOnly: readOnlyOf(body['readOnly']),
    username: identity === undefined ? undefined : usernameOf(identity),
    principalArn: textIn(identity, 'arn'),
    accessKeyId: textIn(identity, 'accessKeyId'),
    resources: eventResources(body, call.eventSource),
    account,
    region: textIn(record, 'awsRegion') ?? textIn(body, 'awsRegion'),
    sourceIPAddress: textIn(body, 'sourceIPAddress'),
    userAgent: textIn(body, 'userAgent'),
    errorCode: call.errorCode,
    category,
  };
}

/** Partner records, Config items and evidence say what happened in eventData. */
export function bodyOf(record: JsonObject, category: EventCategory): JsonObject {
  const wraps =
    category === 'ActivityAuditLog' || category === 'ConfigurationItem' || category === 'Evidence';
  const inner = wraps ? record['eventData'] : undefined;
  return isObject(inner) ? inner : record;
}

interface Call {
  readonly eventName: string | undefined;
  readonly eventSource: string | undefined;
  readonly errorCode: string | undefined;
}

/** An Insight names the call that it is about, in insightDetails (trails) or beside it (event data stores). */
function callOf(body: JsonObject): Call {
  const insight = objectIn(body, 'insightDetails');
  return {
    eventName: textIn(body, 'eventName') ?? textIn(insight, 'eventName') ?? textIn(body, 'insightEventName'),
    eventSource:
      textIn(body, 'eventSource') ?? textIn(insight, 'eventSource') ?? textIn(body, 'insightEventSource'),
    errorCode: textIn(body, 'errorCode') ?? textIn(insight, 'errorCode') ?? textIn(body, 'insightErrorCode'),
  };
}

/** LookupEvents and some exporters write it as a string. */
function readOnlyOf(value: JsonValue | undefined): boolean | undefined {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : undefined;
}

/**
 * The Username of LookupEvents: `root` for the root user, the session's name for roles and federated users,
 * the user's name otherwise. Where AWS leaves it empty, what names the actor best: the invoking service, a
 * foreign account's or a partner's principal.
 */
function usernameOf(identity: JsonObject): string | undefined {
  const type = textIn(identity, 'type');
  if (type === 'Root') return 'root';
  if (type === 'AssumedRole' || type === 'FederatedUser') {
    return sessionName(identity) ?? textIn(identity, 'userName') ?? issuerName(identity);
  }
  if (type === 'AWSService') return textIn(identity, 'invokedBy');
  return (
    textIn(identity, 'userName') ??
    issuerName(identity) ??
    sessionName(identity) ??
    textIn(identity, 'principalId') ??
    textIn(identity, 'invokedBy')
  );
}

/** `arn:aws:sts::1:assumed-role/role/session`, `...:federated-user/name`, or principalId `AROA...:session`. */
function sessionName(identity: JsonObject): string | undefined {
  const arn = textIn(identity, 'arn');
  const slash = arn?.lastIndexOf('/') ?? -1;
  if (arn !== undefined && slash !== -1 && slash < arn.length - 1) return arn.slice(slash + 1);
  const principal = textIn(identity, 'principalId');
  const colon = principal?.indexOf(':') ?? -1;
  return principal !== undefined && colon !== -1 && colon < principal.length - 1
    ? principal.slice(colon + 1)
    : undefined;
}

function issuerName(identity: JsonObject): string | undefined {
  return textIn(objectIn(objectIn(identity, 'sessionContext'), 'sessionIssuer'), 'userName');
}
