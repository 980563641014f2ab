import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventFilter } from '#domain/filter/filter';
import type { Journal } from '#journal/types';
import type { OpenHistory } from '#projections/history/history-index.contract';
import { HistoryProjection } from '#projections/history/history-projection';
import type { HistoryIndex, HistoryRow } from '#projections/history/history-index';
import type { HistoryPolicy } from '#projections/history/retention';
import { SqliteHistoryIndex, type SqliteHistoryOptions } from '#projections/history/sqlite-history-index';
import { ArrayJournal } from '#test/array-journal';

/** A history in a temporary folder, with a reader that stays open as another process's would. */
export interface HistoryBed {
  readonly folder: string;
  folders(): Promise<readonly string[]>;
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
    folders: async () => [folder],
    index,
    open: () => new HistoryProjection(folder, policy),
    content: async () => historyContent(index),
    remove: async () => {
      await index.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** A history in a temporary folder, with what fills it. */
export async function openSqliteHistory(
  journal: Pick<Journal, 'read'>,
  options: SqliteHistoryOptions = {},
): Promise<OpenHistory> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-history-'));
  const projection = new HistoryProjection(folder);
  const index = new SqliteHistoryIndex(folder, journal, options);
  return {
    index,
    projection,
    close: async () => {
      await index.close();
      await projection.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** All that a history shows, in a form that `toEqual` compares. */
export async function historyContent(index: HistoryIndex): Promise<unknown> {
  return {
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
  };
}

export async function allRows(
  index: HistoryIndex,
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
