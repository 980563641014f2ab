/** What `cairn.alert.raised.v1` tells, apart from the event. */
export interface AlertRaised {
  /** Of this delivery, the same for every attempt: receivers drop by it what they have had. */
  readonly id: string;
  /** The log's id. */
  readonly log: string;
  readonly raisedAt: Date;
  readonly alert: { readonly id: string; readonly name: string; readonly description: string };
  readonly account: string;
  readonly eventId: string;
  /** Where `alertRaised` and `alertMatches` go on behind it. */
  readonly cursor: string;
  /** Matches that the alert's throttle has held back since this one. */
  readonly suppressed: number;
}

export const CLOUD_EVENT_TYPE = 'application/cloudevents+json; charset=utf-8';
export const ALERT_RAISED = 'cairn.alert.raised.v1';

/**
 * A CloudEvent 1.0 in the structured form of JSON. `record` is JSON that parseEvent accepted: its bytes stand in
 * `data.event` as they were received, because numbers such as 9.82222E-5 do not survive being read and written.
 */
export function alertRaisedEvent(one: AlertRaised, record: Buffer): Buffer {
  const { alert, account, eventId, cursor, suppressed } = one;
  const envelope = JSON.stringify({
    specversion: '1.0',
    id: one.id,
    source: `/cairn/${one.log}`,
    type: ALERT_RAISED,
    subject: alert.id,
    time: one.raisedAt.toISOString(),
    datacontenttype: 'application/json',
  });
  const { id, name, description } = alert;
  const data = JSON.stringify({ alert: { id, name, description }, account, eventId, cursor, suppressed });
  return Buffer.concat([
    Buffer.from(`${envelope.slice(0, -1)},"data":${data.slice(0, -1)},"event":`),
    record,
    Buffer.from('}}'),
  ]);
}
