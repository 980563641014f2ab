import { z } from 'zod';
import { exportFileName } from '#domain/exports';
import type { ExportRow } from '#projections/export/export-row';
import { openNote, type NoteKey } from '#journal/note';

/** The first member of every statement: no checkpoint, and nothing else that the log's key signs, begins so. */
const TYPE = 'cairn/export-statement/v1';

const STATEMENT = z.looseObject({
  type: z.literal(TYPE),
  log: z.string(),
  fileName: z.string(),
  rows: z.number().int().nonnegative(),
  bytes: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  snapshot: z.strictObject({ epoch: z.number().int(), position: z.number().int() }),
  finishedAt: z.string(),
  checkpoint: z.string(),
});
export type ExportStatement = z.infer<typeof STATEMENT>;

interface Stated {
  readonly log: string;
  readonly sha256: string;
  readonly finishedAt: Date;
  /** The signed note of a checkpoint over the snapshot's events. */
  readonly checkpoint: string;
}

/** What a file holds, in JSON: the text that the log's key signs. */
export function statementText(of: ExportRow, { log, sha256, finishedAt, checkpoint }: Stated): string {
  const statement = {
    type: TYPE,
    log,
    export: of.id,
    fileName: exportFileName(of),
    format: of.format,
    compression: of.compression,
    columns: of.columns,
    filter: JSON.parse(of.filter) as unknown,
    orderBy: of.order === 'TIME_ASC' ? 'EVENT_TIME_ASC' : 'EVENT_TIME_DESC',
    accounts: of.scope,
    rows: of.rows,
    firstEventTime: instant(of.firstTime),
    lastEventTime: instant(of.lastTime),
    bytes: of.bytes,
    sha256,
    /** Events at lower positions; later ones are not in the file. */
    snapshot: of.snapshot,
    createdBy: of.createdBy,
    requestedAt: of.createdAt.toISOString(),
    startedAt: of.startedAt?.toISOString() ?? null,
    finishedAt: finishedAt.toISOString(),
    checkpoint,
  };
  return `${JSON.stringify(statement, undefined, 2)}\n`;
}

/** Undefined when none of the keys has signed it, or it is no statement about an export. */
export function openExportStatement(note: string, keys: readonly NoteKey[]): ExportStatement | undefined {
  const text = openNote(note, keys);
  if (text?.startsWith('{') !== true) return undefined;
  const parsed = STATEMENT.safeParse(jsonOf(text));
  return parsed.success ? parsed.data : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Signed, and yet no JSON: none of ours.
    return undefined;
  }
}

function instant(time: number | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString();
}
