/** An alert as receivers are told of it. */
interface ToldAlert {
  readonly id: string;
  readonly name: string;
  readonly description: string;
}

/** What `cairn.alert.raised.v1` tells, apart from the event. */
export interface AlertRaised {
  /** Of this delivery, the same for every attempt: receivers drop by it what they have had. */
  readonly id: string;
  /** The log's id. */
  readonly log: string;
  readonly raisedAt: Date;
  readonly alert: ToldAlert;
  readonly account: string;
  readonly eventId: string;
  /** Where `alertRaised` and `alertMatches` go on behind it. */
  readonly cursor: string;
  /** Matches that the alert's throttle has held back since this one. */
  readonly suppressed: number;
}

/** What `cairn.alert.test.v1` tells: that the webhook works. */
export interface AlertTest extends Pick<AlertRaised, 'id' | 'log' | 'alert'> {
  readonly sentAt: Date;
}

export const CLOUD_EVENT_TYPE = 'application/cloudevents+json; charset=utf-8';
const ALERT_RAISED = 'cairn.alert.raised.v1';
const ALERT_TEST = 'cairn.alert.test.v1';

/**
 * A CloudEvent 1.0 in the structured form of JSON. `record` is JSON that parseEvent accepted: its bytes stand in
 * `data.event` as they were received, because numbers such as 9.82222E-5 do not survive being read and written.
 */
export function alertRaisedEvent(one: AlertRaised, record: Buffer): Buffer {
  const { alert, account, eventId, cursor, suppressed } = one;
  const envelope = envelopeOf(ALERT_RAISED, one, one.raisedAt);
  const data = JSON.stringify({ alert: told(alert), account, eventId, cursor, suppressed });
  return Buffer.concat([
    Buffer.from(`${envelope.slice(0, -1)},"data":${data.slice(0, -1)},"event":`),
    record,
    Buffer.from('}}'),
  ]);
}

/** The same form, without an event. */
export function alertTestEvent(one: AlertTest): Buffer {
  const envelope = envelopeOf(ALERT_TEST, one, one.sentAt);
  return Buffer.from(`${envelope.slice(0, -1)},"data":${JSON.stringify({ alert: told(one.alert) })}}`);
}

function envelopeOf(type: string, { id, log, alert }: AlertTest | AlertRaised, time: Date): string {
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: `/cairn/${log}`,
    type,
    subject: alert.id,
    time: time.toISOString(),
    datacontenttype: 'application/json',
  });
}

function told({ id, name, description }: ToldAlert): ToldAlert {
  return { id, name, description };
}
