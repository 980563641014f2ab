import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEventTime } from '#domain/event-time';

describe('parseEventTime', () => {
  it.each([
    ['2023-07-10T11:42:44Z', '2023-07-10T11:42:44.000Z'],
    ['2023-07-10T11:42:44', '2023-07-10T11:42:44.000Z'],
    ['2023-07-10t11:42:44z', '2023-07-10T11:42:44.000Z'],
    ['2023-07-10T11:42:44.123456789Z', '2023-07-10T11:42:44.123Z'],
    ['2023-07-10T11:42:44.5Z', '2023-07-10T11:42:44.500Z'],
    ['2023-07-10T11:42:44+02:00', '2023-07-10T09:42:44.000Z'],
    ['2023-07-10T11:42:44-0530', '2023-07-10T17:12:44.000Z'],
    ['2023-07-10 11:42:44.000000000', '2023-07-10T11:42:44.000Z'],
    ['2023-07-10 11:42:44 UTC', '2023-07-10T11:42:44.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['1969-12-31T23:59:59Z', '1969-12-31T23:59:59.000Z'],
  ])('reads %s', (text, expected) => {
    expect(new Date(parseEventTime(text) ?? Number.NaN).toISOString()).toBe(expected);
  });

  it.each([
    '',
    '2023-07-10',
    '2023-02-29T00:00:00Z',
    '2023-13-01T00:00:00Z',
    '2023-00-01T00:00:00Z',
    '2023-07-10T24:00:00Z',
    '2023-07-10T11:60:00Z',
    '2023-07-10T11:42:61Z',
    '2023-07-10T11:42:44+24:00',
    '0099-07-10T11:42:44Z',
    '+12023-07-10T11:42:44Z',
    'Mon, 10 Jul 2023 11:42:44 GMT',
    '1688989364',
    '2023-07-10T11:42:44Z\n',
    `2023-07-10T11:42:44.${'0'.repeat(30)}Z`,
  ])('refuses %j', (text) => {
    expect(parseEventTime(text)).toBeUndefined();
  });

  it('agrees with Date on every instant that Date writes', () => {
    const instants = fc.date({
      min: new Date('1970-01-01'),
      max: new Date('2999-12-31'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instants, (date) => {
        expect(parseEventTime(date.toISOString())).toBe(date.getTime());
      }),
    );
  });
});
