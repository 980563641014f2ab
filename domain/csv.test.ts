import { expect, it } from 'vitest';
import { csvLine } from '#domain/csv';

it('quotes what RFC 4180 asks to be quoted', () => {
  expect(csvLine(['a,b', 'say "x"', 'two\nlines', null, 7])).toBe('"a,b","say ""x""","two\nlines",,7\r\n');
});

const FORMULAS = [
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  '\n=1',
  '  =1',
  ' \t @A1',
  '\u00a0=1',
  '\ufeff=1',
  '＝1',
];

it.each(FORMULAS)('disarms the formula %j', (formula) => {
  const cell = csvLine([formula]).trimEnd();
  expect(cell.replace(/^"/, '').startsWith("'")).toBe(true);
});

it.each(['a=1', 'arn:aws:iam::1:user/-x', ' plain', '2026-11-01'])('leaves %j as it is', (text) => {
  expect(csvLine([text])).toBe(`${text}\r\n`);
});
