import { expect, it } from 'vitest';
import { painter } from '#cli/output/color';
import { eventLine } from '#cli/tail/event-line';

const event = {
  eventTime: '2026-03-01T09:30:00Z',
  eventName: 'GetObject',
  eventSource: 's3.amazonaws.com',
  username: 'alice',
  accountId: '111111111111',
  sourceIPAddress: '192.0.2.10',
  errorCode: null,
};

it('aligns, and shows the outcome by colour', () => {
  const paint = painter(true);
  const fine = eventLine(event, paint);
  const failed = eventLine({ ...event, errorCode: 'AccessDenied' }, paint);
  expect(fine).toMatch(/^\u001b\[32m2026-03-01T09:30:00Z {6}GetObject /);
  expect(failed).toMatch(/^\u001b\[31m.*192\.0\.2\.10 {7}AccessDenied\u001b\[0m\n$/);
  expect(failed.indexOf('alice')).toBe(fine.indexOf('alice'));
});

it('keeps what others wrote on its line and in its column', () => {
  const line = eventLine({ ...event, eventName: `\u001b[2J\n${'x'.repeat(3_000)}` }, painter(false));
  expect(line).toMatch(/^[^\u0000-\u0009\u000b-\u001f]*\n$/);
  expect(line.indexOf('s3.amazonaws.com')).toBe(eventLine(event, painter(false)).indexOf('s3.amazonaws.com'));
});
