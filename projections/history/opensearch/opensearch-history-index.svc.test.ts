import { describeHistoryIndex } from '#projections/history/history-index.contract';
import { openOpenSearchHistory } from '#test/opensearch-bed';

describeHistoryIndex('OpenSearch', openOpenSearchHistory);
