import { OpenSearchHistoryIndex } from '#projections/history/opensearch/opensearch-history-index';
import { OpenSearchProjection } from '#projections/history/opensearch/opensearch-projection';
import { describeProjection } from '#projections/projection.contract';
import { ArrayJournal } from '#test/array-journal';
import { historyContent } from '#test/history-bed';
import { createOpenSearchBed } from '#test/opensearch-bed';

describeProjection('History in OpenSearch', async () => {
  const bed = createOpenSearchBed();
  const index = new OpenSearchHistoryIndex(bed.options, new ArrayJournal());
  return {
    open: () => new OpenSearchProjection(bed.options),
    content: async () => historyContent(index),
    folders: async () => bed.folders(),
    remove: async () => {
      await index.close();
      await bed.remove();
    },
  };
});
