import type { Journal } from '#journal/types';
import { describeHistoryIndex, type OpenHistory } from '#projections/history/history-index.contract';
import { OpenSearchHistoryIndex } from '#projections/history/opensearch/opensearch-history-index';
import { OpenSearchProjection } from '#projections/history/opensearch/opensearch-projection';
import { createOpenSearchBed } from '#test/opensearch-bed';

async function open(journal: Pick<Journal, 'read'>): Promise<OpenHistory> {
  const bed = createOpenSearchBed();
  const projection = new OpenSearchProjection(bed.options);
  const index = new OpenSearchHistoryIndex(bed.options, journal);
  return {
    index,
    projection,
    refresh: async () => {},
    close: async () => {
      await index.close();
      await projection.close();
      await bed.remove();
    },
  };
}

describeHistoryIndex('OpenSearch', open);
