import { expect, it } from 'vitest';
import { alertRaisedEvent, alertTestEvent, type AlertRaised } from '#domain/cloud-event';

const RAISED: AlertRaised = {
  id: 'a3c1e9f0-0000-4000-8000-000000000001',
  log: 'ff2d9599-e000-4f23-8077-d6913122b7d6',
  raisedAt: new Date(Date.UTC(2026, 10, 29, 11, 0, 0, 5)),
  alert: { id: 'b3c1e9f0-0000-4000-8000-000000000002', name: 'root “logins"}', description: '' },
  account: '111122223333',
  eventId: 'token',
  cursor: 'here',
  suppressed: 3,
};

it('is a CloudEvent 1.0 of the structured form', () => {
  const record = Buffer.from('{"eventName":"ConsoleLogin"}');
  expect(JSON.parse(alertRaisedEvent(RAISED, record).toString())).toEqual({
    specversion: '1.0',
    id: RAISED.id,
    source: '/cairn/ff2d9599-e000-4f23-8077-d6913122b7d6',
    type: 'cairn.alert.raised.v1',
    subject: RAISED.alert.id,
    time: '2026-11-29T11:00:00.005Z',
    datacontenttype: 'application/json',
    data: {
      alert: RAISED.alert,
      account: '111122223333',
      eventId: 'token',
      cursor: 'here',
      suppressed: 3,
      event: { eventName: 'ConsoleLogin' },
    },
  });
});

it('holds the record byte for byte, whatever is in it', () => {
  for (const text of [
    '{"n":9.82222E-5,"n":1.0, "big":12345678901234567890}',
    ' \n{ "a" : "}}\\u0000\\ud800" , "data":{"event":1} }\r\n',
    `{"text":"${'größer \u2028\u202e'.repeat(1_000)}"}`,
  ]) {
    const record = Buffer.from(text);
    const sent = alertRaisedEvent(RAISED, record);
    expect(sent.includes(record)).toBe(true);
    const { data } = JSON.parse(sent.toString()) as { data: { event: unknown } };
    expect(data.event).toEqual(JSON.parse(text));
  }
});

it('has a form for tests, without an event', () => {
  const sentAt = new Date(Date.UTC(2026, 10, 29));
  const { id, log, alert } = RAISED;
  expect(JSON.parse(alertTestEvent({ id, log, alert, sentAt }).toString())).toEqual({
    specversion: '1.0',
    id,
    source: `/cairn/${log}`,
    type: 'cairn.alert.test.v1',
    subject: alert.id,
    time: '2026-11-29T00:00:00.000Z',
    datacontenttype: 'application/json',
    data: { alert },
  });
});
