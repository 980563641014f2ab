import { CairnError } from '#domain/errors';
import type { EventFilter } from '#domain/filter/filter';
import { checkLookup, type Lookup, type LookupRequest } from '#domain/lookup';
import type { Principal } from '#domain/principal';
import type { HistoryCursor } from '#projections/history/history-index';
import type { EventNode } from '#subgraphs/events/event-node';
import type { EventReader } from '#subgraphs/events/read-events';

export interface LookupQuery extends LookupRequest {
  readonly nextToken?: string | null | undefined;
  readonly account?: string | null | undefined;
}

export interface LookupPage {
  readonly nodes: readonly EventNode[];
  readonly nextToken: string | null;
}

/** CloudTrail's LookupEvents over event history, newest first. `now` is in milliseconds since 1970. */
export async function lookUpEvents(
  reader: EventReader,
  principal: Principal,
  { query, now }: { readonly query: LookupQuery; readonly now: number },
): Promise<LookupPage> {
  const lookup = checkLookup(query, now);
  const { nodes, more } = await reader.searchFilter(principal, filterOf(lookup, query), {
    order: 'TIME_DESC',
    limit: lookup.maxResults,
    after: readToken(reader, lookup, query),
  });
  const last = nodes.at(-1);
  return { nodes, nextToken: more && last ? [last.id, ...boundTo(lookup, query)].join('.') : null };
}

function filterOf(lookup: Lookup, { account }: LookupQuery): EventFilter {
  if (account === undefined || account === null) return lookup.filter;
  return { kind: 'and', filters: [lookup.filter, { kind: 'in', field: 'account', values: [account] }] };
}

/** A token goes with the parameters that it was given for. */
function boundTo(lookup: Lookup, { account }: LookupQuery): readonly string[] {
  return [lookup.fingerprint, account ?? ''];
}

function readToken(reader: EventReader, lookup: Lookup, query: LookupQuery): HistoryCursor | undefined {
  const { nextToken } = query;
  if (nextToken === undefined || nextToken === null) return undefined;
  const [id = '', ...bound] = nextToken.split('.');
  const cursor = reader.findCursor(id);
  if (cursor === undefined || bound.join('.') !== boundTo(lookup, query).join('.')) {
    throw new CairnError('INVALID_NEXT_TOKEN', 'The token is not from these parameters’ previous page.', {
      path: 'nextToken',
    });
  }
  return cursor;
}
