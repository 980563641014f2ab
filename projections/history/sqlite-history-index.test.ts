import { describeHistoryIndex } from '#projections/history/history-index.contract';
import { openSqliteHistory } from '#test/history-bed';

describeHistoryIndex('SQLite', (journal) => openSqliteHistory(journal));
describeHistoryIndex('SQLite with filters of more values than it has terms for', (journal) =>
  openSqliteHistory(journal, { termBudget: 1 }),
);
