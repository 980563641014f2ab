import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Journal } from '#journal/types';
import { describeHistoryIndex, type OpenHistory } from '#projections/history/history-index.contract';
import { HistoryProjection } from '#projections/history/history-projection';
import { SqliteHistoryIndex, type SqliteHistoryOptions } from '#projections/history/sqlite-history-index';

async function open(journal: Pick<Journal, 'read'>, options: SqliteHistoryOptions): Promise<OpenHistory> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-history-'));
  const projection = new HistoryProjection(folder);
  const index = new SqliteHistoryIndex(folder, journal, options);
  return {
    index,
    projection,
    refresh: async () => {},
    close: async () => {
      await index.close();
      await projection.close();
      await rm(folder, { recursive: true });
    },
  };
}

describeHistoryIndex('SQLite', (journal) => open(journal, {}));
describeHistoryIndex('SQLite with filters of more values than it has terms for', (journal) =>
  open(journal, { termBudget: 1 }),
);
