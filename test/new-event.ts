import type { NewEvent } from '#journal/types';

export const ACCOUNT = '111122223333';
export const TIME = Date.UTC(2026, 10, 5, 10, 30);

export type EventFields = Partial<NewEvent> & { readonly note?: string };

/** An event of a hundred bytes or so; the same arguments always give the same bytes. */
export function newEvent(number: number, fields: EventFields = {}): NewEvent {
  const {
    account = ACCOUNT,
    eventId = `event-${number}`,
    eventTime = TIME + number,
    note = 'a note',
  } = fields;
  const record = {
    eventVersion: '1.08',
    eventID: eventId,
    eventTime: new Date(eventTime).toISOString(),
    eventSource: 's3.amazonaws.com',
    eventName: 'PutObject',
    awsRegion: 'eu-west-1',
    recipientAccountId: account,
    userIdentity: { type: 'IAMUser' },
    note,
  };
  return { raw: fields.raw ?? Buffer.from(JSON.stringify(record)), account, eventId, eventTime };
}
