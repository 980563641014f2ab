import { openHistoryIndex } from '#cli/history';
import type { Installation } from '#cli/installation';
import { workTold } from '#cli/own-trail';
import type { ExportLimits } from '#domain/exports';
import { LogSigner } from '#journal/log-signer';
import type { OpenJournal } from '#journal/journal';
import type { Config } from '#platform/config';
import { STAGE } from '#platform/shutdown';
import type { Shutdown } from '#platform/shutdown';
import { ExportFiles } from '#projections/export/export-files';
import { ExportKeeper } from '#projections/export/keep-exports';
import { LINK_KEY } from '#projections/export/link';
import { ExportStore } from '#projections/export/store';
import { ExportFailed, ExportWriter } from '#projections/export/write-export';
import { ensureExportRun } from '#workers/jobs/export-events';

function exportLimits(config: Config): ExportLimits {
  return {
    rows: config.exportRows,
    perKey: config.exportsPerKey,
    perAccount: config.exportsPerAccount,
    hours: config.exportHours,
    days: config.exportDays,
    linkMinutes: config.exportLinkMinutes,
  };
}

/** What the api needs to start exports and to hand out their files. */
export function exportDesk({ config, pool, journalDeps, jobs }: Installation) {
  return {
    store: new ExportStore(pool),
    files: new ExportFiles(journalDeps),
    startRun: (id: string) => ensureExportRun(jobs.desk, id),
    linkSecret: journalDeps.keys.derive(LINK_KEY),
    limits: exportLimits(config),
  };
}

const REMOVED = {
  over: 'its time was over, or it came to nothing',
  erasure: 'events in it were erased',
} as const;

/** What writes the files of exports, and what removes them; both work in the worker. */
export async function openExports(
  installation: Installation,
  journal: OpenJournal,
  shutdown: Shutdown,
): Promise<{ readonly writer: Pick<ExportWriter, 'write'>; readonly keeper: ExportKeeper }> {
  const { config, pool, journalDeps, jobs } = installation;
  const history = await openHistoryIndex(installation, journal);
  const close = (): Promise<void> => history.close();
  shutdown.add({ name: 'history of exports', stage: STAGE.services, timeout: 5_000, run: close });
  const store = new ExportStore(pool);
  const files = new ExportFiles(journalDeps);
  const limits = exportLimits(config);
  const now = Date.now;
  const signer = new LogSigner({ ...journalDeps, sealer: journal.sealer });
  const ensureRun = (id: string): Promise<string | undefined> => ensureExportRun(jobs.desk, id);
  const { onExport } = workTold(installation.ownTrail);
  const writer = new ExportWriter({ store, files, history, journal, signer, limits, now });
  return {
    writer: {
      async write(id, following) {
        try {
          const row = await writer.write(id, following);
          if (row !== undefined) await onExport('FinishExport', row);
          return row;
        } catch (error) {
          const failed = error instanceof ExportFailed ? await store.find(id) : undefined;
          if (failed !== undefined) await onExport('FailExport', failed);
          throw error;
        }
      },
    },
    keeper: new ExportKeeper({
      store,
      files,
      limits,
      now,
      ensureRun,
      onFailed: (row) => onExport('FailExport', row),
      onRemoved: (row, why) => onExport('RemoveExport', row, REMOVED[why]),
    }),
  };
}
