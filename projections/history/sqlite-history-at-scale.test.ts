import { describeHistoryAtScale } from '#projections/history/history-at-scale.contract';
import { openSqliteHistory } from '#test/history-bed';

describeHistoryAtScale('SQLite', (journal) => openSqliteHistory(journal));
