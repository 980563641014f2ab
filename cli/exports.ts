import { openHistoryIndex } from '#cli/history';
import type { Installation } from '#cli/installation';
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
import { ExportWriter } from '#projections/export/write-export';
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

/** What writes the files of exports, and what removes them; both work in the worker. */
export async function openExports(
  installation: Installation,
  journal: OpenJournal,
  shutdown: Shutdown,
): Promise<{ readonly writer: ExportWriter; readonly keeper: ExportKeeper }> {
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
  return {
    writer: new ExportWriter({ store, files, history, journal, signer, limits, now }),
    keeper: new ExportKeeper({ store, files, limits, now, ensureRun }),
  };
}
