import { readFile } from 'node:fs/promises';

import type { Installation } from '#cli/installation';
import type { Config } from '#platform/config';
import type { Journal } from '#journal/types';
import type { HistoryIndex } from '#projections/history/history-index';
import { HistoryProjection } from '#projections/history/history-projection';
import { OpenSearchHistoryIndex } from '#projections/history/opensearch/opensearch-history-index';
import { OpenSearchProjection } from '#projections/history/opensearch/opensearch-projection';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';
import type { Projection } from '#projections/projection';

/** The reading side of event history: OpenSearch where it is configured, else SQLite in the data folder. */
export async function openHistoryIndex(
  { config, layout }: Pick<Installation, 'config' | 'layout'>,
  journal: Pick<Journal, 'read'>,
): Promise<HistoryIndex> {
  const place = await openSearchPlace(config);
  if (place === undefined) return new SqliteHistoryIndex(layout.history, journal);
  return new OpenSearchHistoryIndex(place, journal);
}

/** The writing side, for the worker that has the lease. Nothing is connected to before `init`. */
export async function openHistoryProjection({
  config,
  layout,
  settings,
}: Pick<Installation, 'config' | 'layout' | 'settings'>): Promise<Projection> {
  const policy = {
    categories: config.historyCategories,
    retentionDays: (account: string) => settings.of(account)?.historyDays ?? config.historyDays,
    now: Date.now,
  };
  const place = await openSearchPlace(config);
  if (place === undefined) return new HistoryProjection(layout.history, policy);
  return new OpenSearchProjection({ ...place, policy });
}

/** Whether a process can do without history for a while: OpenSearch may be away while events are taken. */
export function isHistoryElsewhere({ opensearchUrl }: Pick<Config, 'opensearchUrl'>): boolean {
  return opensearchUrl !== undefined;
}

export interface OpenSearchPlace {
  readonly url: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly ca: string | undefined;
  readonly prefix: string;
}

/** Undefined when history is in the data folder. Rejects when a file that the configuration names cannot be read. */
export async function openSearchPlace(config: Config): Promise<OpenSearchPlace | undefined> {
  const { opensearchUrl: url, opensearchUsername: username, opensearchPrefix: prefix } = config;
  if (url === undefined) return undefined;
  const { opensearchPassword, opensearchPasswordFile, opensearchCa } = config;
  const password =
    opensearchPasswordFile === undefined ? opensearchPassword : await textOf(opensearchPasswordFile);
  const ca = opensearchCa === undefined ? undefined : await textOf(opensearchCa);
  return { url, username, password, ca, prefix };
}

/** Editors end a file with a line break that is no part of a password. */
async function textOf(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
}
