import { csvLine, type CsvValue } from '#domain/csv';
import type { ExportColumn } from '#domain/exports';
import type { ExportRow } from '#projections/export/export-row';
import type { HistoryRow } from '#projections/history/history-index';

/** How the events of a file are written down. */
export interface ExportEncoder {
  /** Records are needed, not only what lists show. */
  readonly needsRaw: boolean;
  readonly head: string;
  readonly foot: string;
  /** Where there is a record: its bytes as they were received. */
  row(row: HistoryRow, raw: Buffer | undefined, isFirst: boolean): readonly Uint8Array[];
}

const SEPARATOR = Buffer.from(',\n');
const NEWLINE = Buffer.from('\n');
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

export function encoderOf({ format, columns }: Pick<ExportRow, 'format' | 'columns'>): ExportEncoder {
  switch (format) {
    case 'CSV':
      return csv(columns);
    case 'NDJSON':
      return {
        needsRaw: true,
        head: '',
        foot: '',
        row: (_, raw) => (raw === undefined ? [] : [oneLine(raw), NEWLINE]),
      };
    case 'JSON':
      return list('[\n', '\n]\n');
    case 'CLOUDTRAIL':
      return list('{"Records":[\n', '\n]}\n');
  }
}

function csv(columns: readonly ExportColumn[]): ExportEncoder {
  return {
    needsRaw: columns.includes('raw'),
    head: csvLine(columns),
    foot: '',
    row: (row, raw) => [
      Buffer.from(csvLine(columns.map((column) => cellOf(column, row, raw))).toWellFormed()),
    ],
  };
}

function list(head: string, foot: string): ExportEncoder {
  return {
    needsRaw: true,
    head,
    foot,
    row: (_, raw, isFirst) => (raw === undefined ? [] : isFirst ? [raw] : [SEPARATOR, raw]),
  };
}

/** Line breaks of a record stand between its tokens (RFC 8259 forbids them in strings), so blanks say the same. */
function oneLine(raw: Buffer): Buffer {
  if (!raw.includes(LF) && !raw.includes(CR)) return raw;
  return Buffer.from(raw.map((byte) => (byte === LF || byte === CR ? SPACE : byte)));
}

function cellOf(column: ExportColumn, row: HistoryRow, raw: Buffer | undefined): CsvValue {
  switch (column) {
    case 'eventTime':
      return new Date(row.eventTime).toISOString().replace('.000Z', 'Z');
    case 'accountId':
      return row.account;
    case 'awsRegion':
      return row.region;
    case 'eventCategory':
      return row.category;
    case 'resourceTypes':
      return joined(row.resources.map(({ type }) => type));
    case 'resourceNames':
      return joined(row.resources.map(({ name }) => name));
    case 'resourceArns':
      return joined(row.resources.map(({ arn }) => arn));
    case 'position':
      return row.place.position;
    case 'raw':
      return raw?.toString('utf8');
    default:
      return row[column];
  }
}

function joined(values: readonly (string | undefined)[]): string {
  return values.filter((value) => value !== undefined).join(' ');
}
