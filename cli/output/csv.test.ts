import { expect, it } from 'vitest';
import { csvLine } from '#cli/output/csv';

it('quotes what RFC 4180 asks to be quoted', () => {
  expect(csvLine(['a,b', 'say "x"', 'two\nlines', null, 7])).toBe('"a,b","say ""x""","two\nlines",,7\r\n');
});

it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])('disarms the formula %j', (formula) => {
  const cell = csvLine([formula]).trimEnd();
  expect(cell.replace(/^"/, '').startsWith("'")).toBe(true);
});
