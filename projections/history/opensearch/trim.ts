import { z } from 'zod';
import type { OpenSearch } from '#projections/history/opensearch/client';
import { deleteEvents } from '#projections/history/opensearch/delete-events';
import { shown, storable } from '#projections/history/opensearch/exact-text';
import { byAlias } from '#projections/history/opensearch/state';
import { cutOff, type HistoryPolicy } from '#projections/history/retention';

/** Accounts read in one go, and named in one deletion. */
const ACCOUNTS = 1_000;

const TIME = z.object({ value: z.number().nullable() });
const ANSWER = z.object({
  aggregations: z.object({
    accounts: z.object({
      after_key: z.object({ account: z.string() }).optional(),
      buckets: z.array(z.object({ key: z.object({ account: z.string() }), first: TIME, last: TIME })),
    }),
  }),
});

interface AccountEvents {
  readonly account: string;
  /** Times of its oldest and its newest event in the index; milliseconds since 1970. */
  readonly first: number;
  readonly last: number;
}

/**
 * Deletes what the policy no longer keeps from an index of events or of refusals, by the writer's alias. True when
 * nothing would be left: then nothing is deleted, and the index can go as a whole.
 */
export async function trimIndex(
  openSearch: OpenSearch,
  alias: string,
  policy: HistoryPolicy,
): Promise<boolean> {
  const now = policy.now();
  const instant: HistoryPolicy = {
    ...policy,
    retentionDays: (account) => policy.retentionDays(account),
    now: () => now,
  };
  const accounts = await byAlias(() => accountsOf(openSearch, alias));
  const expired = accounts
    .map((of) => ({ ...of, limit: cutOff(instant, of.account) }))
    .filter((of): of is AccountEvents & { limit: number } => of.limit !== undefined && of.first < of.limit);
  if (expired.length === 0) return false;
  const isAll = expired.length === accounts.length && expired.every(({ last, limit }) => last < limit);
  if (isAll) return true;
  const byLimit = Map.groupBy(expired, ({ limit }) => limit);
  for (const [limit, of] of byLimit) await deleteBefore(openSearch, alias, { limit, accounts: of });
  return false;
}

async function deleteBefore(
  openSearch: OpenSearch,
  alias: string,
  { limit, accounts }: { readonly limit: number; readonly accounts: readonly AccountEvents[] },
): Promise<void> {
  for (let at = 0; at < accounts.length; at += ACCOUNTS) {
    const names = accounts.slice(at, at + ACCOUNTS).map(({ account }) => storable(account));
    const filter = [{ terms: { account: names } }, { range: { eventTime: { lt: limit } } }];
    await deleteEvents(openSearch, [alias], { bool: { filter } });
  }
}

async function accountsOf(openSearch: OpenSearch, alias: string): Promise<readonly AccountEvents[]> {
  const found: AccountEvents[] = [];
  let after: { readonly account: string } | undefined;
  do {
    const composite = { size: ACCOUNTS, sources: [{ account: { terms: { field: 'account' } } }] };
    const answer = await openSearch.request('POST', `/${alias}/_search`, {
      body: {
        size: 0,
        track_total_hits: false,
        aggs: {
          accounts: {
            composite: after === undefined ? composite : { ...composite, after },
            aggs: { first: { min: { field: 'eventTime' } }, last: { max: { field: 'eventTime' } } },
          },
        },
      },
    });
    const { after_key: next, buckets } = ANSWER.parse(answer).aggregations.accounts;
    for (const { key, first, last } of buckets) {
      found.push({ account: shown(key.account), first: first.value ?? 0, last: last.value ?? 0 });
    }
    after = buckets.length < ACCOUNTS ? undefined : next;
  } while (after !== undefined);
  return found;
}
