import { Option } from 'commander';
import type { CliContext } from '#cli/cli-context';
import { EXIT } from '#cli/cli-context';
import { formatTable, printable } from '#cli/output/table';

export type OutputFormat = 'table' | 'json';

/** `-o`, the same for every command that prints rows. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print: a table, or JSON, one object a line')
    .choices(['table', 'json'])
    .default('table');
}

/** A refusal that a mutation answered as data. */
export interface UserError {
  readonly code: string;
  readonly path: string | null;
  readonly message: string;
}

/** Says on stderr why nothing was done and ends with "no"; false when there is nothing to say. */
export function tellRefusals(cli: CliContext, errors: readonly UserError[]): boolean {
  for (const { code, path, message } of errors) {
    cli.stderr.write(printable(`${code}${path === null ? '' : ` (${path})`}: ${message}`) + '\n');
  }
  if (errors.length > 0) cli.exitWith(EXIT.negative);
  return errors.length > 0;
}

/** A column: its heading and what it shows of a row. */
export type Columns<Row> = readonly (readonly [heading: string, cell: (row: Row) => string])[];

export function formatRows<Row>(columns: Columns<Row>, rows: readonly Row[], format: OutputFormat): string {
  if (format === 'json') return rows.map((row) => JSON.stringify(row) + '\n').join('');
  return formatTable(
    columns.map(([heading]) => heading),
    rows.map((row) => columns.map(([, cell]) => cell(row))),
  );
}
