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
