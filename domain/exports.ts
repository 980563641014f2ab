/** What a file of events looks like. */
export const EXPORT_FORMATS = ['CSV', 'JSON', 'NDJSON', 'CLOUDTRAIL'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export const EXPORT_COMPRESSIONS = ['NONE', 'GZIP', 'ZSTD'] as const;
export type ExportCompression = (typeof EXPORT_COMPRESSIONS)[number];

/** Columns of a CSV file; `raw` is the record as it was received, the others are what lists show. */
export const EXPORT_COLUMNS = [
  'eventId',
  'eventTime',
  'eventName',
  'eventSource',
  'username',
  'accountId',
  'awsRegion',
  'sourceIPAddress',
  'userAgent',
  'errorCode',
  'readOnly',
  'eventCategory',
  'principalArn',
  'accessKeyId',
  'resourceTypes',
  'resourceNames',
  'resourceArns',
  'position',
  'raw',
] as const;
export type ExportColumn = (typeof EXPORT_COLUMNS)[number];

/** The columns of a CSV file when none are named: those of `cairn events -o csv`. */
export const DEFAULT_EXPORT_COLUMNS: readonly ExportColumn[] = EXPORT_COLUMNS.slice(0, 12);

/**
 * QUEUED: not begun. RUNNING. SUCCEEDED: the file can be downloaded. FAILED: `error` says why. CANCELED: somebody
 * ended it. EXPIRED: its file was removed after its time. ERASED: its file was removed because events in it were
 * erased.
 */
export const EXPORT_STATES = [
  'QUEUED',
  'RUNNING',
  'SUCCEEDED',
  'FAILED',
  'CANCELED',
  'EXPIRED',
  'ERASED',
] as const;
export type ExportState = (typeof EXPORT_STATES)[number];

/** What an installation allows of exports. */
export interface ExportLimits {
  /** Rows of one file. */
  readonly rows: number;
  /** Unfinished exports of one key. */
  readonly perKey: number;
  /** Unfinished exports that may hold events of one account. */
  readonly perAccount: number;
  /** Hours that an export may take. */
  readonly hours: number;
  /** Days that a file is kept. */
  readonly days: number;
  /** Minutes that a link to a file is good for. */
  readonly linkMinutes: number;
}

/** Bytes of a filter as JSON: it stands in the statement, and a signed note has a bound. */
export const MAX_EXPORT_FILTER_BYTES = 24_576;

/** A name for the file that every system takes. */
export function exportFileName(of: {
  readonly id: string;
  readonly format: ExportFormat;
  readonly compression: ExportCompression;
}): string {
  const ending = { CSV: 'csv', JSON: 'json', NDJSON: 'ndjson', CLOUDTRAIL: 'json' }[of.format];
  const packed = { NONE: '', GZIP: '.gz', ZSTD: '.zst' }[of.compression];
  return `cairn-export-${of.id}.${ending}${packed}`;
}
