import { randomUUID } from 'node:crypto';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { ExportLimits } from '#domain/exports';
import type { OpenJournal } from '#journal/journal';
import { LogSigner } from '#journal/log-signer';
import { HistoryProjection } from '#projections/history/history-projection';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';
import { ExportFiles } from '#projections/export/export-files';
import type { ExportRow, NewExport } from '#projections/export/export-row';
import { ExportKeeper } from '#projections/export/keep-exports';
import { ExportStore } from '#projections/export/store';
import { ExportWriter, type WriterParts } from '#projections/export/write-export';
import { createLogBed, type LogBed } from '#test/log-bed';

export const EXPORT_LIMITS: ExportLimits = {
  rows: 1_000_000,
  perKey: 100,
  perAccount: 100,
  hours: 24,
  days: 7,
  linkMinutes: 15,
};

/** A journal with its history, and exports of it. */
export interface ExportBed {
  readonly log: LogBed;
  readonly journal: OpenJournal;
  readonly history: SqliteHistoryIndex;
  readonly projection: HistoryProjection;
  readonly store: ExportStore;
  readonly files: ExportFiles;
  readonly keeper: ExportKeeper;
  /** A process that writes files; parts of 8 kB unless told. */
  writer(parts?: Partial<WriterParts>): ExportWriter;
  start(one?: Partial<NewExport>): Promise<ExportRow>;
  /** Until history has everything that the journal has. */
  settle(): Promise<void>;
  /** The bytes of the file as they would be downloaded, and what they say when they are unpacked. */
  read(id: string): Promise<{ readonly bytes: Buffer; readonly text: string }>;
  remove(): Promise<void>;
}

export const FOLLOWING = {
  signal: new AbortController().signal,
  progress: (): Promise<void> => Promise.resolve(),
};

export async function createExportBed(now: () => number = Date.now): Promise<ExportBed> {
  const log = await createLogBed();
  await log.recover();
  const journal = await log.open();
  const projection = new HistoryProjection(`${log.folder}/history`);
  await projection.init();
  const history = new SqliteHistoryIndex(`${log.folder}/history`, journal);
  const store = new ExportStore(log.database.pool);
  const files = new ExportFiles(log.deps);
  const signer = new LogSigner({ ...log.deps, sealer: journal.sealer });
  const limits = EXPORT_LIMITS;
  const ensureRun = (): Promise<undefined> => Promise.resolve(undefined);
  return {
    log,
    journal,
    history,
    projection,
    store,
    files,
    keeper: new ExportKeeper({ store, files, limits, now, ensureRun }),
    writer: (parts = {}) =>
      new ExportWriter({ store, files, history, journal, signer, limits, now, partBytes: 8_000, ...parts }),
    start: (one = {}) => store.insert(newExport(one), limits),
    settle: async () => {
      for (;;) {
        const slice = await journal.read(await projection.cursor(), 1_000);
        await projection.write(slice);
        if (slice.behind === 0) return;
      }
    },
    read: (id) => readExport(store, files, id),
    remove: async () => {
      await history.close();
      await projection.close();
      await journal.close();
      await log.remove();
    },
  };
}

function newExport(one: Partial<NewExport>): NewExport {
  return {
    id: randomUUID(),
    createdBy: 'key',
    scope: 'ALL',
    accounts: 'ALL',
    fromTime: undefined,
    filter: '{}',
    order: 'TIME_ASC',
    format: 'NDJSON',
    columns: [],
    compression: 'NONE',
    ...one,
  };
}

async function readExport(
  store: ExportStore,
  files: ExportFiles,
  id: string,
): Promise<{ bytes: Buffer; text: string }> {
  const row = await store.find(id);
  const key = row && (await files.key(row));
  if (row === undefined || key === undefined) throw new Error(`There is no file of ${id}.`);
  const chunks: Buffer[] = [];
  for (const part of await store.parts(id)) chunks.push((await files.get(part, key)) ?? Buffer.alloc(0));
  const bytes = Buffer.concat(chunks);
  // Node reads the first frame of zstd alone (RFC 8878 section 3 has them follow each other).
  const unframed = (): Buffer => Buffer.concat(chunks.map((chunk) => zstdDecompressSync(chunk)));
  const unpack = { NONE: (packed: Buffer) => packed, GZIP: gunzipSync, ZSTD: unframed };
  return { bytes, text: unpack[row.compression](bytes).toString('utf8') };
}
