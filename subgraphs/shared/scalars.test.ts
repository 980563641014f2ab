import fc from 'fast-check';
import { parseValue } from 'graphql';
import { describe, expect, test } from 'vitest';
import { AccountId, DateTime, Long } from '#subgraphs/shared/scalars';

describe('DateTime', () => {
  test.each([
    ['2026-03-01T09:30:00Z', '2026-03-01T09:30:00Z'],
    ['2026-03-01T10:30:00.250+01:00', '2026-03-01T09:30:00.250Z'],
    ['2024-02-29T00:00:00.123456789Z', '2024-02-29T00:00:00.123Z'],
    ['2026-03-01T23:59:59-23:59', '2026-03-02T23:58:59Z'],
  ])('%s is %s', (given, shown) => {
    expect(DateTime.serialize(DateTime.parseValue(given))).toBe(shown);
    expect(DateTime.serialize(DateTime.parseLiteral(parseValue(`"${given}"`), {}))).toBe(shown);
  });

  test.each([
    '2026-03-01',
    '2026-03-01T09:30:00',
    '2026-03-01 09:30:00Z',
    '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-03-00T00:00:00Z',
    '2026-03-01T24:00:00Z',
    '2026-03-01T09:30:60Z',
    '2026-03-01T09:30:00z',
    '2026-03-01T09:30:00+24:00',
    ' 2026-03-01T09:30:00Z',
    '2026-03-01T09:30:00Z\n',
    'yesterday',
    1_767_225_600_000,
    null,
  ])('%j is refused', (given) => {
    expect(() => DateTime.parseValue(given)).toThrow('DateTime must be');
  });

  test('a number is no instant in a literal', () => {
    expect(() => DateTime.parseLiteral(parseValue('1767225600000'), {})).toThrow('DateTime must be');
  });

  test('every instant of the four-digit years survives', () => {
    const years = { min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z') };
    fc.assert(
      fc.property(fc.date({ ...years, noInvalidDate: true }), (date) => {
        expect(DateTime.parseValue(DateTime.serialize(date))).toEqual(date);
        expect(DateTime.serialize(date.getTime())).toBe(DateTime.serialize(date));
      }),
    );
  });

  test('what is no instant is not shown as one', () => {
    expect(() => DateTime.serialize(new Date(Number.NaN))).toThrow();
    expect(() => DateTime.serialize('2026-03-01')).toThrow();
  });
});

describe('Long', () => {
  test('keeps safe integers, of bigint too', () => {
    expect(Long.parseValue(2 ** 48)).toBe(2 ** 48);
    expect(Long.parseLiteral(parseValue('281474976710656'), {})).toBe(2 ** 48);
    expect(Long.serialize(281_474_976_710_656n)).toBe(2 ** 48);
  });

  test.each([1.5, 2 ** 53, Number.NaN, '7', null, true])('%s is refused', (given) => {
    expect(() => Long.parseValue(given)).toThrow('Long must be');
    expect(() => Long.serialize(given)).toThrow('Long must be');
  });

  test('a literal that would lose digits is refused', () => {
    expect(() => Long.parseLiteral(parseValue('9007199254740993'), {})).toThrow('Long must be');
  });
});

describe('AccountId', () => {
  test('is twelve digits as text', () => {
    expect(AccountId.parseValue('000000000000')).toBe('000000000000');
    expect(AccountId.parseLiteral(parseValue('"012345678901"'), {})).toBe('012345678901');
  });

  test.each(['12', '0000000000001', '00000000000a', '000000000001\n', 123_456_789_012, null])(
    '%j is refused',
    (given) => {
      expect(() => AccountId.parseValue(given)).toThrow('AccountId must be');
    },
  );
});
