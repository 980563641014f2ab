import { setTimeout as delay } from 'node:timers/promises';
import { type CairnClient, PlatformError } from '#cli/client';
import { type ServerEvent, serverEvents } from '#cli/tail/server-events';
import { CairnError } from '#domain/errors';

/** What is followed; `since` and `after` at the beginning only. */
export interface Followed {
  readonly query: string;
  readonly filter: unknown;
  readonly since: string | null;
  readonly after: string | null;
  readonly signal: AbortSignal;
  /** Hears that the connection was lost and is tried again. */
  readonly onLost: (reason: string) => void;
}

interface Message<T> {
  readonly data?: { readonly eventRecorded: { readonly cursor: string; readonly event: T } } | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: {
      readonly code?: string;
      readonly argument?: string;
      readonly cursor?: string | null;
    };
  }[];
}

/** Codes after which the same stream may be opened again. */
const AGAIN: ReadonlySet<string> = new Set(['SLOW_CONSUMER', 'UNAVAILABLE', 'TOO_MANY_REQUESTS', 'TIMEOUT']);
/** What proxies say while the platform is away. */
const AGAIN_STATUS: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const BACK_OFF_MS = { first: 250, most: 10_000 };

/** Events until the signal, over as many connections as it takes: each goes on behind the last event told. */
export async function* followEvents<T>(
  client: CairnClient,
  { query, filter, signal, onLost, ...start }: Followed,
): AsyncGenerator<T, void, void> {
  // Without an event there is no cursor yet: then from when it was asked first.
  const asked = new Date().toISOString();
  let place: { readonly after: string | null; readonly since: string | null } = start;
  let pause = BACK_OFF_MS.first;
  for (;;) {
    try {
      const body = await open(client, { query, variables: { filter, ...place } }, signal);
      if (place.after === null && place.since === null) place = { after: null, since: asked };
      for await (const { data, errors } of messagesOf<T>(serverEvents(body))) {
        const [error] = errors ?? [];
        if (error !== undefined) throw refusalOf(error);
        if (!data) continue;
        yield data.eventRecorded.event;
        place = { after: data.eventRecorded.cursor, since: null };
        pause = BACK_OFF_MS.first;
      }
      if (signal.aborted) return;
      onLost('the stream ended');
    } catch (error) {
      if (signal.aborted) return;
      onLost(reasonToGoOn(error));
    }
    if (signal.aborted) return;
    // Many that lose the same server must not come back at the same moment.
    await delay(pause * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    pause = Math.min(pause * 2, BACK_OFF_MS.most);
  }
}

async function open(
  client: CairnClient,
  operation: { readonly query: string; readonly variables: object },
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const response = await client.request('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify(operation),
    signal,
  });
  if (response.ok && response.body) return response.body;
  // Of a proxy in between it may be anything.
  const code = AGAIN_STATUS.has(response.status) ? 'UNAVAILABLE' : 'INTERNAL';
  const unsaid = { message: `HTTP ${response.status}`, extensions: { code } };
  throw refusalOf(errorIn(await response.text()) ?? unsaid);
}

function errorIn(text: string): NonNullable<Message<never>['errors']>[number] | undefined {
  try {
    return (JSON.parse(text) as Message<never>).errors?.[0];
  } catch {
    return undefined;
  }
}

async function* messagesOf<T>(events: AsyncIterable<ServerEvent>): AsyncGenerator<Message<T>, void, void> {
  for await (const { event, data } of events) {
    if (event === 'complete') return;
    if (event === 'next') yield JSON.parse(data) as Message<T>;
  }
}

function refusalOf({ message, extensions }: NonNullable<Message<never>['errors']>[number]): PlatformError {
  return new PlatformError(extensions?.code ?? 'INTERNAL', message, extensions?.argument);
}

/** Why it is tried again. @throws what will not be another time */
function reasonToGoOn(error: unknown): string {
  const isRefused = error instanceof PlatformError || error instanceof CairnError;
  if (isRefused && !AGAIN.has(error.code)) throw error;
  // fetch tells a connection that broke as a TypeError.
  if (isRefused || error instanceof TypeError) return error.message;
  throw error;
}
