import { z } from 'zod';
import type { HistoryRefusals } from '#projections/history/history-index';
import type { OpenSearch } from '#projections/history/opensearch/client';
import type { Names } from '#projections/history/opensearch/names';

const COUNT = z.object({ count: z.number() });
const ANSWER_MS = 5_000;

/** What OpenSearch has refused of the generation that answers. OpenSearchRefusal when there is none yet. */
export async function countRefusals(openSearch: OpenSearch, names: Names): Promise<HistoryRefusals> {
  const count = async (found: boolean): Promise<number> => {
    const body = { query: { term: { found } } };
    const path = `/${names.refused}/_count`;
    return COUNT.parse(await openSearch.request('POST', path, { body, timeout: ANSWER_MS })).count;
  };
  return { missing: await count(false), abridged: await count(true) };
}
