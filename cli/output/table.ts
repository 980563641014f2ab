/** Control and bidirectional characters could move the cursor or reorder a line of somebody's terminal. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text of others, made safe to print on one line of a terminal. */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Characters of a cell at most: one long value must not push every other column off the screen. */
const MAX_CELL = 80;

/**
 * Columns aligned by their widest cell, two spaces apart; the last one is not padded. A longer value ends with
 * an ellipsis: a table is for eyes, `-o json` has everything.
 */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows.map((row) => row.map(shown))];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map(
      (line) =>
        line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd() + '\n',
    )
    .join('');
}

function shown(text: string): string {
  // Cut before escaping too: a value may be a megabyte long.
  const cell = printable(text.slice(0, MAX_CELL + 1));
  if (cell.length <= MAX_CELL) return cell;
  return `${cell.slice(0, MAX_CELL - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
