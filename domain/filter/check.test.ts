import { describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import { checkFilter } from '#domain/filter/check';
import { FILTER_LIMITS } from '#domain/filter/input';

function fault(input: unknown): string {
  try {
    checkFilter(input);
  } catch (error) {
    if (error instanceof CairnError) return `${error.code} ${error.path}`;
    throw error;
  }
  return 'accepted';
}

function nested(levels: number): object {
  return levels === 1 ? { words: 'x' } : { not: nested(levels - 1) };
}

describe('checkFilter', () => {
  it('reads nothing as everything', () => {
    for (const input of [undefined, null, {}, { eventName: null, and: undefined }]) {
      expect(checkFilter(input)).toEqual({ kind: 'all' });
    }
  });

  it('joins the names of one object, and the operators of one field, by AND', () => {
    expect(checkFilter({ eventName: { equals: 'A', prefix: 'abc' }, readOnly: { equals: false } })).toEqual({
      kind: 'and',
      filters: [
        { kind: 'in', field: 'eventName', values: ['A'] },
        { kind: 'prefix', field: 'eventName', value: 'abc' },
        { kind: 'in', field: 'readOnly', values: ['false'] },
      ],
    });
  });

  it('reads or, not and exists: false', () => {
    expect(checkFilter({ or: [{ errorCode: { exists: false } }, { not: { words: 'Foo BAR' } }] })).toEqual({
      kind: 'or',
      filters: [
        { kind: 'not', filter: { kind: 'exists', field: 'errorCode' } },
        { kind: 'not', filter: { kind: 'words', words: ['foo', 'bar'] } },
      ],
    });
  });

  it('makes addresses, networks and times canonical', () => {
    expect(checkFilter({ sourceIPAddress: { in: ['2001:DB8::0:1', 'AWS Internal'] } })).toEqual({
      kind: 'in',
      field: 'sourceIPAddress',
      values: ['2001:db8::1', 'AWS Internal'],
    });
    expect(checkFilter({ sourceIPAddress: { cidr: '10.1.2.3/8' } })).toEqual({
      kind: 'cidr',
      network: '10.0.0.0/8',
    });
    const from = new Date('2026-01-01T00:00:00Z');
    expect(checkFilter({ eventTime: { from, to: '2026-01-02T00:00:00Z' } })).toEqual({
      kind: 'time',
      from: from.getTime(),
      to: from.getTime() + 86_400_000,
    });
  });

  it.each<[unknown, string]>([
    ['text', 'filter'],
    [[], 'filter'],
    [{ colour: { equals: 'red' } }, 'filter.colour'],
    [{ __proto__: null, constructor: {} }, 'filter.constructor'],
    [JSON.parse('{"__proto__":{"equals":"x"}}'), 'filter.__proto__'],
    [{ eventName: 'A' }, 'filter.eventName'],
    [{ eventName: {} }, 'filter.eventName'],
    [{ eventName: { like: 'A' } }, 'filter.eventName.like'],
    [{ eventName: { toString: 'A' } }, 'filter.eventName.toString'],
    [{ eventName: { equals: '' } }, 'filter.eventName.equals'],
    [{ eventName: { equals: 7 } }, 'filter.eventName.equals'],
    [{ eventName: { equals: 'x'.repeat(2049) } }, 'filter.eventName.equals'],
    [{ eventName: { in: [] } }, 'filter.eventName.in'],
    [{ eventName: { in: 'A' } }, 'filter.eventName.in'],
    [{ eventName: { in: Array.from({ length: 101 }, String) } }, 'filter.eventName.in'],
    [{ eventName: { in: ['A', null] } }, 'filter.eventName.in[1]'],
    [{ eventName: { prefix: 'ab' } }, 'filter.eventName.prefix'],
    [{ eventName: { prefix: 'x'.repeat(201) } }, 'filter.eventName.prefix'],
    [{ eventName: { exists: 'yes' } }, 'filter.eventName.exists'],
    [{ eventName: { cidr: '10.0.0.0/8' } }, 'filter.eventName.cidr'],
    [{ readOnly: { equals: 'true' } }, 'filter.readOnly.equals'],
    [{ readOnly: { in: [true] } }, 'filter.readOnly.in'],
    [{ account: { equals: '12345' } }, 'filter.account.equals'],
    [{ account: { prefix: '1234' } }, 'filter.account.prefix'],
    [{ category: { in: ['Data', 'Other'] } }, 'filter.category.in[1]'],
    [{ sourceIPAddress: { cidr: '10.0.0.0/33' } }, 'filter.sourceIPAddress.cidr'],
    [{ eventTime: {} }, 'filter.eventTime'],
    [{ eventTime: { since: 'x' } }, 'filter.eventTime.since'],
    [{ eventTime: { from: 'yesterday' } }, 'filter.eventTime.from'],
    [{ eventTime: { to: new Date(Number.NaN) } }, 'filter.eventTime.to'],
    [{ eventTime: { from: '2026-01-02T00:00:00Z', to: '2026-01-02T00:00:00Z' } }, 'filter.eventTime.to'],
    [{ words: ' -- ' }, 'filter.words'],
    [{ words: Array.from({ length: 21 }, (_, i) => `w${i}`).join(' ') }, 'filter.words'],
    [{ and: [] }, 'filter.and'],
    [{ and: {} }, 'filter.and'],
    [{ or: [{ not: { and: [{ words: 'x' }, 7] } }] }, 'filter.or[0].not.and[1]'],
  ])('refuses %j at %s', (input, path) => {
    expect(fault(input)).toBe(`INVALID_FILTER ${path}`);
  });

  it('bounds depth, conditions and groups', () => {
    expect(fault(nested(FILTER_LIMITS.maxDepth))).toBe('accepted');
    expect(fault(nested(FILTER_LIMITS.maxDepth + 1))).toBe(`INVALID_FILTER filter${'.not'.repeat(10)}`);
    const conditions = (count: number): object => ({
      or: Array.from({ length: count / 2 }, (_, i) => ({ eventName: { equals: `n${i}`, exists: true } })),
    });
    expect(fault(conditions(200))).toBe('accepted');
    expect(fault(conditions(202))).toBe('INVALID_FILTER filter.or[100].eventName');
    const empty = Array.from({ length: 200 }, () => ({}));
    expect(fault({ and: empty })).toBe('INVALID_FILTER filter.and[199]');
  });

  it('has no path that leads through what a caller inherits', () => {
    const input: unknown = Object.create({ words: 'x' });
    expect(checkFilter(input)).toEqual({ kind: 'all' });
  });
});
