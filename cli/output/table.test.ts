import { expect, it } from 'vitest';
import { formatTable, printable } from '#cli/output/table';

it('aligns columns', () => {
  expect(
    formatTable(
      ['NAME', 'N'],
      [
        ['a', '1'],
        ['longer', '22'],
      ],
    ),
  ).toBe('NAME    N\na       1\nlonger  22\n');
});

it('shows escape sequences and bidirectional controls instead of obeying them', () => {
  expect(printable('a\u001b[2Jb\u202ec')).toBe('a\\u001b[2Jb\\u202ec');
});

it('ends values that are too long for a line, and keeps those that just fit', () => {
  const fits = 'x'.repeat(80);
  const [, first, second, third] = formatTable(['NAME'], [[fits], [`${fits}y`], ['\u0007'.repeat(80)]]).split(
    '\n',
  );
  expect(first).toBe(fits);
  expect(second).toBe(`${'x'.repeat(79)}…`);
  expect(third).toHaveLength(80);
});

it('does not cut a character in two', () => {
  expect(formatTable(['NAME'], [[`${'x'.repeat(78)}😀${'y'.repeat(9)}`]])).toContain(`${'x'.repeat(78)}…`);
});
