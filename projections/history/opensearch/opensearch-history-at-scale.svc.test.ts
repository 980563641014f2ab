import { describeHistoryAtScale } from '#projections/history/history-at-scale.contract';
import { openOpenSearchHistory } from '#test/opensearch-bed';

describeHistoryAtScale('OpenSearch', openOpenSearchHistory);
