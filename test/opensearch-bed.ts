import { glob } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import type { Journal } from '#journal/types';
import type { OpenHistory } from '#projections/history/history-index.contract';
import { OpenSearch, type OpenSearchOptions } from '#projections/history/opensearch/client';
import { Names } from '#projections/history/opensearch/names';
import { OpenSearchHistoryIndex } from '#projections/history/opensearch/opensearch-history-index';
import { OpenSearchProjection } from '#projections/history/opensearch/opensearch-projection';
import { freshName, services } from '#test/services';

const PATHS = z.object({
  nodes: z.record(
    z.string(),
    z.object({ settings: z.object({ path: z.object({ data: z.array(z.string()) }) }) }),
  ),
});

/** A corner of the services' OpenSearch that is a test's own. */
export interface OpenSearchBed {
  readonly options: OpenSearchOptions & { readonly prefix: string };
  readonly openSearch: OpenSearch;
  readonly names: Names;
  /** The folders in which the node, which runs on this machine, keeps the test's indices now. */
  folders(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

/** On the shared node unless told another. */
export function createOpenSearchBed(
  options: OpenSearchOptions = { url: services().opensearchUrl },
): OpenSearchBed {
  const prefix = freshName();
  const openSearch = new OpenSearch(options);
  const names = new Names(prefix);
  return {
    options: { ...options, prefix },
    openSearch,
    names,
    folders: async () => {
      const { nodes } = PATHS.parse(
        await openSearch.request('GET', '/_nodes/settings', { query: { filter_path: '**.path.data' } }),
      );
      const indices = await uuidsOf(openSearch, names);
      const roots = Object.values(nodes).flatMap(({ settings }) => settings.path.data);
      const found: string[] = [];
      for (const root of roots) {
        // No deeper: what other tests have there comes and goes.
        for await (const path of glob(`${root}/nodes/*/indices/*`)) {
          if (indices.includes(basename(path))) found.push(path);
        }
      }
      return found;
    },
    remove: async () => {
      const left = Object.keys(await aliasesOf(openSearch, names));
      if (left.length > 0) await openSearch.request('DELETE', `/${left.join(',')}`);
      await openSearch.request('DELETE', `/_index_template/${names.template}`);
      await openSearch.close();
    },
  };
}

const INDICES = z.record(z.string(), z.unknown());

async function aliasesOf(openSearch: OpenSearch, names: Names): Promise<Record<string, unknown>> {
  return INDICES.parse(await openSearch.request('GET', `/${names.all}/_alias`));
}

const ROWS = z.array(z.object({ uuid: z.string() }));

async function uuidsOf(openSearch: OpenSearch, names: Names): Promise<readonly string[]> {
  const rows = await openSearch.request('GET', `/_cat/indices/${names.all}`, {
    query: { format: 'json', h: 'uuid' },
  });
  return ROWS.parse(rows).map(({ uuid }) => uuid);
}

/** A history in OpenSearch, with what fills it. */
export async function openOpenSearchHistory(journal: Pick<Journal, 'read'>): Promise<OpenHistory> {
  const bed = createOpenSearchBed();
  const projection = new OpenSearchProjection(bed.options);
  const index = new OpenSearchHistoryIndex(bed.options, journal);
  return {
    index,
    projection,
    close: async () => {
      await index.close();
      await projection.close();
      await bed.remove();
    },
  };
}
