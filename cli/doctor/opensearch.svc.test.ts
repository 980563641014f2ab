import { expect, test } from 'vitest';

import { examineOpenSearch } from '#cli/doctor/opensearch';
import { loadConfig } from '#platform/config';
import { OpenSearchProjection } from '#projections/history/opensearch/opensearch-projection';
import { createOpenSearchBed } from '#test/opensearch-bed';

const states = async (variables: Record<string, string>): Promise<string[]> =>
  (await examineOpenSearch(loadConfig(variables))).map(
    ({ check, state, found }) => `${check} ${state} ${found}`,
  );

test('doctor tells what stands behind event history', async () => {
  expect(await states({})).toEqual([]);
  const bed = createOpenSearchBed();
  const { url, prefix } = bed.options;
  const variables = { CAIRN_OPENSEARCH_URL: url, CAIRN_OPENSEARCH_PREFIX: prefix };
  const [server, index] = await states(variables);
  expect(server).toMatch(/^OpenSearch ok version 3\./);
  expect(index).toBe('history ok the index is not there yet: the worker makes it');
  const projection = new OpenSearchProjection(bed.options);
  await projection.init();
  expect((await states(variables))[1]).toBe('history ok every event is in the index');
  await bed.openSearch.request('PUT', `/${bed.names.refused}/_doc/1`, {
    body: { reason: 'x', found: false },
    query: { refresh: true },
  });
  expect((await states(variables))[1]).toBe(
    'history warning OpenSearch refused 1 events, and the parameters of 0 more',
  );
  await projection.close();
  await bed.remove();
});

test('doctor tells that OpenSearch does not answer, and which file is missing', async () => {
  const away = await states({ CAIRN_OPENSEARCH_URL: 'http://127.0.0.1:1' });
  expect(away).toEqual([expect.stringMatching(/^OpenSearch trouble .*does not answer: .*ECONNREFUSED/)]);
  const unreadable = { CAIRN_OPENSEARCH_URL: 'https://127.0.0.1:1', CAIRN_OPENSEARCH_CA: '/nowhere/ca.pem' };
  expect(await states(unreadable)).toEqual([expect.stringMatching(/^OpenSearch trouble ENOENT.*ca\.pem/)]);
});
