import type { EventFilterInput } from '#domain/filter/input';
import { post, type Target } from '#test/bench/load';
import { quantile } from '#test/bench/statistics';

/** Milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  readonly slowest: string;
}

/** A list's columns, and the record as it was received. */
export const PAGE = `query Page($filter: EventFilterInput) { events(filter: $filter, first: 50) {
  edges { cursor node { id eventId eventTime eventName eventSource username accountId awsRegion sourceIPAddress
    userAgent errorCode readOnly eventCategory raw } }
  pageInfo { hasNextPage endCursor } } }`;

/** One page of 50 for each filter, one after the other, over HTTP at the events subgraph's own door. */
export async function benchPages(target: Target, filters: readonly EventFilterInput[]): Promise<Latency> {
  const times: number[] = [];
  let slowest: EventFilterInput | undefined;
  for (const filter of filters) {
    const body = JSON.stringify({ query: PAGE, variables: { filter } });
    const start = performance.now();
    const { text, status } = await post(target, '/subgraphs/events/graphql', body);
    const time = performance.now() - start;
    const answer = JSON.parse(text) as { data?: { events?: object | null }; errors?: unknown };
    if (!answer.data?.events || answer.errors !== undefined) {
      throw new Error(`${status} for ${JSON.stringify(filter)}: ${text.slice(0, 500)}`);
    }
    if (time > Math.max(0, ...times)) slowest = filter;
    times.push(time);
  }
  return {
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    max: Math.max(...times),
    slowest: JSON.stringify(slowest),
  };
}
