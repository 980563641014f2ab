import type { ExportColumn, ExportCompression, ExportFormat, ExportState } from '#domain/exports';
import type { Place } from '#journal/types';
import type { AccountScope, HistoryCursor, HistoryOrder } from '#projections/history/history-index';

/** What somebody asked for, checked. */
export interface NewExport {
  readonly id: string;
  /** The API key that asked. */
  readonly createdBy: string;
  /** The accounts of that key then. */
  readonly scope: AccountScope;
  /** Accounts whose events it may hold: of the scope, and not excluded by the filter. */
  readonly accounts: AccountScope;
  /** Only events from this time on, milliseconds since 1970; undefined: of any time. */
  readonly fromTime: number | undefined;
  /** The EventFilterInput as JSON. */
  readonly filter: string;
  readonly order: HistoryOrder;
  readonly format: ExportFormat;
  /** Of a CSV file; empty for other formats. */
  readonly columns: readonly ExportColumn[];
  readonly compression: ExportCompression;
}

/** An export as the database knows it. */
export interface ExportRow extends NewExport {
  readonly state: ExportState;
  readonly error: string | undefined;
  /** Which writing of the file this is: it begins anew when events in it were erased meanwhile. */
  readonly generation: number;
  /** Events from here on are not in the file; undefined before it has begun. */
  readonly snapshot: Place | undefined;
  /** How many events will be in it, about; undefined when nobody counted. */
  readonly total: number | undefined;
  readonly rows: number;
  /** Of the file so far, compressed. */
  readonly bytes: number;
  readonly parts: number;
  /** All parts are written. */
  readonly complete: boolean;
  /** The last event that was looked at. */
  readonly cursor: HistoryCursor | undefined;
  /** eventTime of the earliest and of the latest event in it, milliseconds since 1970. */
  readonly firstTime: number | undefined;
  readonly lastTime: number | undefined;
  /** Of the whole file, hex. */
  readonly sha256: string | undefined;
  /** A signed note. */
  readonly statement: string | undefined;
  readonly createdAt: Date;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  readonly expiresAt: Date | undefined;
}

/** A part of a file as it is stored. */
export interface ExportPart {
  readonly object: string;
  /** Where its bytes begin in the file. */
  readonly start: number;
  readonly bytes: number;
}

/** A part that was written, and how far the export is with it. */
export interface WrittenPart {
  readonly object: string;
  readonly bytes: number;
  readonly rows: number;
  readonly cursor: HistoryCursor | undefined;
  readonly isLast: boolean;
  /** eventTime of the earliest and the latest of its events. */
  readonly firstTime: number | undefined;
  readonly lastTime: number | undefined;
  /** The accounts in it, each with its earliest eventTime. */
  readonly accounts: ReadonlyMap<string, number>;
}

/** A place in the list of exports, the newest first. */
export interface ExportCursor {
  readonly createdAt: Date;
  readonly id: string;
}

export interface ExportSlice {
  readonly direction: 'forward' | 'backward';
  readonly cursor: ExportCursor | undefined;
  readonly limit: number;
}
