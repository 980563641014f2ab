import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import { checkFilter } from '#domain/filter/check';
import { parseFilterExpression } from '#domain/filter/expression';
import { FILTER_FIELDS } from '#domain/filter/filter';
import { FIELD_RULES } from '#domain/filter/input';

function fault(text: string): string | undefined {
  try {
    parseFilterExpression(text);
  } catch (error) {
    if (error instanceof CairnError && error.code === 'INVALID_FILTER') return error.path;
    throw error;
  }
  return undefined;
}

describe('parseFilterExpression', () => {
  it.each<[string, object]>([
    ['eventName=ConsoleLogin', { eventName: { equals: 'ConsoleLogin' } }],
    ['eventName = "Console Login"', { eventName: { equals: 'Console Login' } }],
    ['region!=us-east-1', { not: { region: { equals: 'us-east-1' } } }],
    ['eventName^=Get', { eventName: { prefix: 'Get' } }],
    ['errorCode exists', { errorCode: { exists: true } }],
    ['not errorCode exists', { not: { errorCode: { exists: true } } }],
    ['readOnly=false', { readOnly: { equals: false } }],
    ['username in (alice, "bob smith")', { username: { in: ['alice', 'bob smith'] } }],
    ['username in alice', { username: { in: ['alice'] } }],
    ['sourceIPAddress in 10.0.0.0/8', { sourceIPAddress: { cidr: '10.0.0.0/8' } }],
    ['sourceIPAddress in (10.0.0.1, ::1)', { sourceIPAddress: { in: ['10.0.0.1', '::1'] } }],
    ['principalArn=arn:aws:iam::1:role/a=b!c', { principalArn: { equals: 'arn:aws:iam::1:role/a=b!c' } }],
    ['"some \\"words\\" \\\\"', { words: 'some "words" \\' }],
    ['words=trail', { words: 'trail' }],
    ['eventTime>=2026-01-01', { eventTime: { from: '2026-01-01T00:00:00Z' } }],
    ['eventTime < 2026-01-31T12:00:00Z', { eventTime: { to: '2026-01-31T12:00:00Z' } }],
    ['account=1 AND region=2', { and: [{ account: { equals: '1' } }, { region: { equals: '2' } }] }],
    ['"a" or "b" and not "c"', { or: [{ words: 'a' }, { and: [{ words: 'b' }, { not: { words: 'c' } }] }] }],
    ['("a" or "b") and "c"', { and: [{ or: [{ words: 'a' }, { words: 'b' }] }, { words: 'c' }] }],
    [
      'eventName=and and eventName=exists',
      { and: [{ eventName: { equals: 'and' } }, { eventName: { equals: 'exists' } }] },
    ],
  ])('%s', (text, expected) => {
    expect(parseFilterExpression(text)).toEqual(expected);
  });

  it.each([
    ['', 'column 1'],
    ['   ', 'column 4'],
    ['eventName', 'column 10'],
    ['eventName ConsoleLogin', 'column 11'],
    ['eventName=', 'column 11'],
    ['colour=red', 'column 1'],
    ['eventName=a region=b', 'column 13'],
    ['eventName=a and', 'column 16'],
    ['(eventName=a', 'column 13'],
    ['eventName=a)', 'column 12'],
    ['username in (a b)', 'column 16'],
    ['username in ()', 'column 14'],
    ['username in (a,)', 'column 16'],
    ['username="open', 'column 10'],
    ['username="bad \\n"', 'column 10'],
    ['readOnly=yes', 'column 10'],
    ['readOnly in (true)', 'column 10'],
    ['account^=1234', 'column 8'],
    ['eventTime=2026-01-01', 'column 10'],
    ['eventTime<=2026-01-01', 'column 10'],
    ['username "in" a', 'column 10'],
    ['username ! a', 'column 10'],
    [`${'('.repeat(60)}"a"`, 'column 52'],
    [`${'not '.repeat(60)}"a"`, 'column 205'],
    ['x'.repeat(20_001), 'column 20000'],
  ])('refuses %s at %s', (text, column) => {
    expect(fault(text)).toBe(column);
  });

  it('never fails but with INVALID_FILTER', () => {
    const part = fc.constantFrom(
      '(',
      ')',
      '=',
      '"',
      '\\',
      ' ',
      'and',
      'not',
      'or',
      'in',
      'eventName',
      '^=',
      ',',
      'é',
      '\u0000',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        fault(parts.join(''));
      }),
      { numRuns: 2000 },
    );
  });

  it('carries any value, quoted, into the filter', () => {
    const fields = FILTER_FIELDS.filter((field) => FIELD_RULES[field].value === 'text');
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.string({ unit: 'binary', minLength: 1 }), (field, value) => {
        const quoted = `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
        const direct = checkFilter({ [field]: { equals: value } });
        expect(checkFilter(parseFilterExpression(`${field}=${quoted}`))).toEqual(direct);
      }),
    );
  });
});
