import { expect, it } from 'vitest';
import { readRange } from '#platform/http/file-range';

const FILE = { size: 100, etag: '"a"' };
const WHOLE = { from: 0, to: 100, isWhole: true };

it.each([
  ['bytes=0-9', { from: 0, to: 10, isWhole: false }],
  ['bytes=90-', { from: 90, to: 100, isWhole: false }],
  ['bytes=90-1000', { from: 90, to: 100, isWhole: false }],
  ['bytes=-10', { from: 90, to: 100, isWhole: false }],
  ['bytes=-1000', { from: 0, to: 100, isWhole: false }],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  // Answered with the whole file: malformed, or more than one.
  ['bytes=9-0', WHOLE],
  ['bytes=-', WHOLE],
  ['bytes=0-1,5-6', WHOLE],
  ['lines=0-1', WHOLE],
  ['bytes=99999999999999999999-', WHOLE],
  [undefined, WHOLE],
])('reads %s', (range, expected) => {
  expect(readRange({ range }, FILE)).toEqual(expected);
});

it('gives a range of this version only', () => {
  expect(readRange({ range: 'bytes=5-', 'if-range': '"a"' }, FILE)).toMatchObject({ from: 5 });
  expect(readRange({ range: 'bytes=5-', 'if-range': '"b"' }, FILE)).toEqual(WHOLE);
});

it('finds nothing in an empty file', () => {
  expect(readRange({ range: 'bytes=0-' }, { size: 0, etag: '""' })).toBe('unsatisfiable');
  expect(readRange({}, { size: 0, etag: '""' })).toEqual({ from: 0, to: 0, isWhole: true });
});
