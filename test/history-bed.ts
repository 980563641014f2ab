import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventFilter } from '#domain/filter/filter';
import { HistoryProjection } from '#projections/history/history-projection';
import type { HistoryRow } from '#projections/history/history-index';
import type { HistoryPolicy } from '#projections/history/retention';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';
import { ArrayJournal } from '#test/array-journal';

/** A history in a temporary folder, with a reader that stays open as another process's would. */
export interface HistoryBed {
  readonly folder: string;
  readonly folders: readonly string[];
  readonly index: SqliteHistoryIndex;
  open(): HistoryProjection;
  content(): Promise<unknown>;
  remove(): Promise<void>;
}

export async function createHistoryBed(policy?: HistoryPolicy): Promise<HistoryBed> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-history-'));
  const index = new SqliteHistoryIndex(folder, new ArrayJournal());
  return {
    folder,
    folders: [folder],
    index,
    open: () => new HistoryProjection(folder, policy),
    content: async () => ({
      rows: await allRows(index),
      words: await Promise.all(
        ['word', 'agent', 'bucket'].map((word) =>
          index.counts({
            filter: { kind: 'words', words: [word] },
            accounts: 'ALL',
            groupBy: 'username',
            top: 1000,
            interval: 'HOUR',
          }),
        ),
      ),
    }),
    remove: async () => {
      await index.close();
      await rm(folder, { recursive: true });
    },
  };
}

export async function allRows(
  index: SqliteHistoryIndex,
  filter: EventFilter = { kind: 'all' },
): Promise<HistoryRow[]> {
  const rows: HistoryRow[] = [];
  for (let more = true; more;) {
    const after = rows.at(-1)?.cursor;
    const page = await index.search({ filter, accounts: 'ALL', order: 'TIME_ASC', limit: 1000, after });
    rows.push(...page.rows);
    more = page.hasMore;
  }
  return rows;
}
