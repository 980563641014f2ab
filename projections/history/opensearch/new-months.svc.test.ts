import { afterEach, beforeEach, expect, it } from 'vitest';
import { OpenSearchHistoryIndex } from '#projections/history/opensearch/opensearch-history-index';
import { OpenSearchProjection } from '#projections/history/opensearch/opensearch-projection';
import { ArrayJournal } from '#test/array-journal';
import { createOpenSearchBed, type OpenSearchBed } from '#test/opensearch-bed';

const MONTHS = 24;

let bed: OpenSearchBed;
let index: OpenSearchHistoryIndex;
let projection: OpenSearchProjection;
let journal: ArrayJournal;

beforeEach(async () => {
  bed = createOpenSearchBed();
  journal = new ArrayJournal();
  index = new OpenSearchHistoryIndex(bed.options, journal);
  projection = new OpenSearchProjection(bed.options);
  await projection.init();
});
afterEach(async () => {
  await projection.close();
  await index.close();
  await bed.remove();
});

it('History in OpenSearch answers while a month gets its index, whose shard takes a moment to start', async () => {
  const written = new AbortController();
  const [, answers] = await Promise.all([writeMonths().finally(() => written.abort()), ask(written.signal)]);
  expect(answers).toBeGreaterThan(MONTHS);
});

async function writeMonths(): Promise<void> {
  for (let month = 0; month < MONTHS; month += 1) {
    const eventTime = Date.UTC(2024, month, 10);
    journal.add({ account: '111111111111', eventId: `id-${month}`, eventTime, record: { userIdentity: {} } });
    await projection.write(await journal.read(await projection.cursor(), 1000));
  }
}

/** One question after the other; says how many. */
async function ask(signal: AbortSignal): Promise<number> {
  let answers = 0;
  while (!signal.aborted) {
    await index.counts({ filter: { kind: 'all' }, accounts: 'ALL' });
    answers += 1;
  }
  return answers;
}
