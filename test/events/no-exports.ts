import { createPool } from '#platform/db';
import { ExportStore } from '#projections/export/store';
import type { EventsDependencies } from '#subgraphs/events/service';
import { EXPORT_LIMITS } from '#test/export-bed';

/** For tests that have no database and ask for no export: every one would be refused a connection. */
export const noExports: EventsDependencies['exports'] = {
  store: new ExportStore(createPool('postgres://127.0.0.1:1/none')),
  files: { destroy: () => Promise.reject(new Error('no exports here')) },
  startRun: () => Promise.reject(new Error('no exports here')),
  linkSecret: Buffer.alloc(32),
  limits: EXPORT_LIMITS,
};
