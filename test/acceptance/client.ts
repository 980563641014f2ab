import type { Platform } from '#test/acceptance/platform';

type Reachable = Pick<Platform, 'url' | 'apiKey'>;

/** One GraphQL request at the gateway; errors of the answer are thrown. */
export async function graphql<T>(
  platform: Reachable,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
): Promise<T> {
  const response = await fetch(`${platform.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${platform.apiKey}` },
    body: JSON.stringify({ query, variables }),
  });
  const answer = (await response.json()) as { data?: T; errors?: unknown };
  if (answer.errors || !answer.data) throw new Error(JSON.stringify(answer.errors ?? answer));
  return answer.data;
}

/** Waits until history holds everything that the journal holds. */
export async function settled(platform: Reachable): Promise<void> {
  while (!(await isSettled(platform))) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function isSettled(platform: Reachable): Promise<boolean> {
  const question = '{ historyFreshness { eventsBehind } }';
  try {
    const answer = await graphql<{ historyFreshness: { eventsBehind: number } }>(platform, question);
    return answer.historyFreshness.eventsBehind === 0;
  } catch (error) {
    // On OpenSearch a first start answers before its worker has made the indices, and asks to try again.
    if (error instanceof Error && error.message.includes('"code":"UNAVAILABLE"')) return false;
    throw error;
  }
}

export interface FoundEvent {
  readonly eventId: string;
  readonly raw: string;
  /** Who sent it; `cairn` for what was done to the platform itself. */
  readonly source: string;
}

interface EventsPage {
  readonly events: {
    readonly edges: readonly { readonly node: FoundEvent }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

const PAGE = `query ($after: String) {
  events(first: 200, after: $after) { edges { node { eventId raw source } } pageInfo { hasNextPage endCursor } }
}`;

/** Every event in history, page by page. */
export async function allEvents(platform: Reachable): Promise<FoundEvent[]> {
  const found: FoundEvent[] = [];
  let after: string | null = null;
  do {
    const { events }: EventsPage = await graphql<EventsPage>(platform, PAGE, { after });
    found.push(...events.edges.map(({ node }) => node));
    after = events.pageInfo.hasNextPage ? events.pageInfo.endCursor : null;
  } while (after !== null);
  return found;
}

/** What the senders of a test have sent, and what the platform told of itself. */
export function withoutOwn(found: readonly FoundEvent[]): { sent: FoundEvent[]; own: FoundEvent[] } {
  const { sent = [], own = [] } = Object.groupBy(found, ({ source }) =>
    source === 'cairn' ? 'own' : 'sent',
  );
  return { sent, own };
}

/** The bulk door's answer to a body. */
export async function postEvents(
  platform: Reachable,
  body: string | Buffer,
  query = '',
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${platform.url}/v1/events${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${platform.apiKey}` },
    body: typeof body === 'string' ? body : new Uint8Array(body),
    signal: signal ?? null,
  });
}
