import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { OpenSearchAway, type OpenSearch } from '#projections/history/opensearch/client';
import { pathParts } from '#projections/history/opensearch/names';
import type { Query } from '#projections/history/opensearch/query';
import { byAlias } from '#projections/history/opensearch/state';

/** Documents of one request, so that none takes longer than its answer is waited for. */
const MAX_DOCUMENTS = 50_000;
/** Rounds in which a document changed between being found and being deleted. */
const MAX_CONFLICTS = 10;
const DELETE_MS = 300_000;
const MERGE_MS = 3_600_000;
/** OpenSearch moves its retention leases every 30 seconds. */
const LEASE_PAUSE_MS = 1_000;
const LEASE_PATIENCE = 300;

const DELETED = z.object({ deleted: z.number(), version_conflicts: z.number() });
const COPY = z.object({
  docs: z.object({ deleted: z.number() }),
  seq_no: z.object({ max_seq_no: z.number() }),
  retention_leases: z.object({ leases: z.array(z.object({ retaining_seq_no: z.number() })) }),
});
const STATS = z.object({
  indices: z.record(z.string(), z.object({ shards: z.record(z.string(), z.array(COPY)) })),
});

/**
 * Deletes the documents that the query finds, by the writer's aliases; searches no longer see them when it
 * returns. TakenOver when an alias is gone.
 */
export async function deleteEvents(
  openSearch: OpenSearch,
  aliases: readonly string[],
  query: Query,
): Promise<void> {
  for (const names of pathParts(aliases)) {
    let conflicts = 0;
    for (let isDone = false; !isDone;) {
      const answer = await byAlias(() => deleteSome(openSearch, names, query));
      const { deleted, version_conflicts } = DELETED.parse(answer);
      isDone = deleted < MAX_DOCUMENTS && version_conflicts === 0;
      if (version_conflicts > 0) conflicts += 1;
      if (conflicts === MAX_CONFLICTS)
        throw new OpenSearchAway('Documents that it is to delete are changed again and again.');
    }
  }
}

/** Its search must see what was written and not refreshed, such as what a killed writer has left. */
async function deleteSome(openSearch: OpenSearch, names: string, query: Query): Promise<unknown> {
  await openSearch.request('POST', `/${names}/_refresh`);
  return openSearch.request('POST', `/${names}/_delete_by_query`, {
    query: { refresh: true, conflicts: 'proceed', max_docs: MAX_DOCUMENTS, scroll_size: 5_000 },
    body: { query },
    timeout: DELETE_MS,
  });
}

/**
 * Rewrites the segments that hold deleted documents without them, and lets the old files and the translog go.
 * Lucene marks a deleted document and keeps its bytes until then. OpenSearch in turn keeps operations of the last
 * half minute for copies of the shard that might need them: those are waited for.
 */
export async function expunge(openSearch: OpenSearch, indices: readonly string[]): Promise<void> {
  const dirty: string[] = [];
  for (const index of indices) {
    const copies = await copiesOf(openSearch, index);
    if (copies.some(({ docs }) => docs.deleted > 0)) dirty.push(index);
  }
  for (const index of dirty) await flush(openSearch, index);
  for (const index of dirty) {
    await leasesBehind(openSearch, index);
    await openSearch.request('POST', `/${index}/_forcemerge`, {
      query: { only_expunge_deletes: true },
      timeout: MERGE_MS,
    });
    // Open searchers hold the old files, and so does the last commit.
    await openSearch.request('POST', `/${index}/_refresh`);
    await flush(openSearch, index);
  }
}

async function leasesBehind(openSearch: OpenSearch, index: string): Promise<void> {
  for (let asked = 0; asked < LEASE_PATIENCE; asked += 1) {
    const copies = await copiesOf(openSearch, index);
    const isFree = copies.every(({ seq_no, retention_leases }) =>
      retention_leases.leases.every(({ retaining_seq_no }) => retaining_seq_no > seq_no.max_seq_no),
    );
    if (isFree) return;
    await setTimeout(LEASE_PAUSE_MS);
  }
  throw new OpenSearchAway(
    'It holds on to deleted documents for a copy of the index that does not catch up.',
  );
}

async function flush(openSearch: OpenSearch, index: string): Promise<void> {
  await openSearch.request('POST', `/${index}/_flush`, { query: { force: true, wait_if_ongoing: true } });
}

async function copiesOf(openSearch: OpenSearch, index: string): Promise<readonly z.infer<typeof COPY>[]> {
  const answer = await openSearch.request('GET', `/${index}/_stats/docs`, { query: { level: 'shards' } });
  return Object.values(STATS.parse(answer).indices).flatMap(({ shards }) => Object.values(shards).flat());
}
