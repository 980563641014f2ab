import { type ExecutionResult, parse } from 'graphql';
import type { Principal } from '#domain/principal';
import type { ResultStream } from '#platform/graphql/streams/result-stream';
import type { Subgraph } from '#subgraphs/shared/build-subgraph';

export const FOLLOW = `subscription ($filter: EventFilterInput, $after: ID, $since: DateTime) {
  eventRecorded(filter: $filter, after: $after, since: $since) { cursor event { id eventId accountId } } }`;

/** One message as a test looks at it. */
export interface Heard {
  readonly cursor: string;
  readonly eventId: string;
}

/** Subscribes as this key; the result where there is no stream. */
export function follow(
  subgraph: Subgraph,
  principal: Principal,
  variables: Record<string, unknown> = {},
): Promise<ResultStream | ExecutionResult> {
  return subgraph.subscribe({
    document: parse(FOLLOW),
    variables,
    caller: { principal, requestId: 'r1', clientAddress: undefined },
    signal: new AbortController().signal,
  });
}

export async function streamOf(started: Promise<ResultStream | ExecutionResult>): Promise<ResultStream> {
  const result = await started;
  if (!('next' in result)) throw new Error(`No stream: ${JSON.stringify(result)}`);
  return result;
}

/** The next messages, so many. */
export async function hear(stream: ResultStream, count: number): Promise<Heard[]> {
  const heard: Heard[] = [];
  while (heard.length < count) {
    const { done, value } = await stream.next();
    if (done === true) throw new Error(`The stream ended after ${heard.length} of ${count}.`);
    if (value.errors) throw new Error(JSON.stringify(value.errors));
    const { eventRecorded } = value.data as { eventRecorded: { cursor: string; event: { eventId: string } } };
    heard.push({ cursor: eventRecorded.cursor, eventId: eventRecorded.event.eventId });
  }
  return heard;
}

export function idsOf(heard: readonly Heard[]): string[] {
  return heard.map(({ eventId }) => eventId);
}

/** The one error that a stream ends with. */
export async function endOf(stream: ResultStream): Promise<Record<string, unknown> | undefined> {
  for (;;) {
    const { done, value } = await stream.next();
    if (done === true) return undefined;
    const [error] = value.errors ?? [];
    if (error === undefined) continue;
    if ((await stream.next()).done !== true) throw new Error('The stream goes on behind its error.');
    return error.extensions;
  }
}
