import type { ExportColumn, ExportCompression, ExportFormat, ExportState } from '#domain/exports';
import type { ExportRow } from '#projections/export/export-row';
import type { HistoryOrder } from '#projections/history/history-index';

/** A row of event_export as PostgreSQL gives it: whole numbers beyond 2^31 are texts. */
export interface Row {
  readonly id: string;
  readonly created_by: string;
  readonly scope: readonly string[] | null;
  readonly accounts: readonly string[] | null;
  readonly from_time: string | null;
  readonly filter: string;
  readonly order_by: HistoryOrder;
  readonly format: ExportFormat;
  readonly columns: readonly ExportColumn[];
  readonly compression: ExportCompression;
  readonly state: ExportState;
  readonly error: string | null;
  readonly generation: number;
  readonly snapshot_epoch: number | null;
  readonly snapshot_position: string | null;
  readonly total: string | null;
  readonly row_count: string;
  readonly byte_count: string;
  readonly part_count: number;
  readonly complete: boolean;
  readonly cursor_second: string | null;
  readonly cursor_position: string | null;
  readonly first_time: string | null;
  readonly last_time: string | null;
  readonly sha256: string | null;
  readonly statement: string | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly expires_at: Date | null;
}

function number(text: string | null): number | undefined {
  return text === null ? undefined : Number(text);
}

export function toExport(row: Row): ExportRow {
  const [second, position] = [number(row.cursor_second), number(row.cursor_position)];
  const snapshot = number(row.snapshot_position);
  return {
    id: row.id,
    createdBy: row.created_by,
    scope: row.scope ?? 'ALL',
    accounts: row.accounts ?? 'ALL',
    fromTime: number(row.from_time),
    filter: row.filter,
    order: row.order_by,
    format: row.format,
    columns: row.columns,
    compression: row.compression,
    state: row.state,
    error: row.error ?? undefined,
    generation: row.generation,
    snapshot: snapshot === undefined ? undefined : { epoch: row.snapshot_epoch ?? 0, position: snapshot },
    total: number(row.total),
    rows: Number(row.row_count),
    bytes: Number(row.byte_count),
    parts: row.part_count,
    complete: row.complete,
    cursor: second === undefined || position === undefined ? undefined : { second, position },
    firstTime: number(row.first_time),
    lastTime: number(row.last_time),
    sha256: row.sha256 ?? undefined,
    statement: row.statement ?? undefined,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    expiresAt: row.expires_at ?? undefined,
  };
}
