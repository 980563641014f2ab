import { randomBytes } from 'node:crypto';
import { parse } from 'graphql';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import type { GatewaySubgraph } from '#gateway/subgraph';
import { remoteSubgraph } from '#gateway/remote-subgraph';
import { JOURNAL_CHANNEL } from '#journal/append/doorbell';
import { DEFAULT_LIMITS } from '#platform/graphql/limits';
import { Upstream } from '#platform/http/upstream';
import type { InternalKeys } from '#platform/internal/request-signature';
import { createInternalDoor, type InternalDoor } from '#subgraphs/shared/internal-door';
import { startEvents } from '#test/events/events-platform';
import { FOLLOW, endOf, hear, idsOf, streamOf } from '#test/events/follow';
import { recordText } from '#test/events/records';
import { type Served, serve } from '#test/federation/serve';

/** A gateway's stream from the events subgraph of another process. */
const ONE = '111111111111';
const auditor: Principal = { keyId: 'one', role: 'auditor', accounts: [ONE] };
const ingest: Principal = { keyId: 'in', role: 'ingest', accounts: [ONE] };
const log = { error: () => undefined, info: () => undefined, warn: () => undefined };

let cairn: Awaited<ReturnType<typeof startEvents>>;
let door: InternalDoor;
let served: Served;
let upstream: Upstream;
let remote: GatewaySubgraph;

beforeEach(async () => {
  cairn = await startEvents(Date.now, ONE);
  const keys: InternalKeys = [randomBytes(32)];
  door = createInternalDoor({ subgraph: cairn.subgraph, keys, log, limits: DEFAULT_LIMITS });
  served = await serve((request, response) =>
    request.url === '/healthz' ? Promise.resolve(void response.end()) : door.handle(request, response),
  );
  upstream = new Upstream({ name: 'events', origins: [served.origin], log });
  const { sdl } = cairn.subgraph;
  const telemetry = { inject: () => ({}) };
  remote = remoteSubgraph({ name: 'events', sdl, upstream, keys, log, telemetry, timeoutMs: 10_000 });
});
afterEach(async () => {
  await upstream.close();
  await served[Symbol.asyncDispose]();
  await cairn[Symbol.asyncDispose]();
});

async function record(eventID: string): Promise<void> {
  const raw = Buffer.from(recordText({ eventID, requestParameters: { text: 'ä€\n' } }));
  const event = { raw, account: ONE, eventId: eventID, eventTime: Date.now() };
  await cairn.journal.append({ source: 'key:test', received: 1, refused: 0, events: [event] });
  await cairn.pubsub.publish(JOURNAL_CHANNEL, '1:1');
}

function followAs(principal: Principal, variables: Record<string, unknown> = {}) {
  if (remote.subscribe === undefined) throw new Error('no streams');
  return remote.subscribe({
    document: parse(FOLLOW),
    variables,
    caller: { principal, requestId: 'r1', clientAddress: undefined },
    signal: new AbortController().signal,
  });
}

it('tells what the other process tells, and can be left while it waits', async () => {
  await record('a');
  const stream = await streamOf(followAs(auditor, { since: '1970-01-01T00:00:00Z' }));
  expect(idsOf(await hear(stream, 1))).toEqual(['a']);
  const waiting = hear(stream, 1);
  await record('b');
  expect(idsOf(await waiting)).toEqual(['b']);
  const left = stream.next();
  await stream.return(undefined);
  expect(await left).toEqual({ done: true, value: undefined });
});

it('refuses as the other process does', async () => {
  expect(await endOf(await streamOf(followAs(ingest)))).toMatchObject({ code: 'FORBIDDEN' });
  const wrong = followAs(auditor, { after: 'AAAAAAAAAAAAAAAAAAAAAA' });
  expect(await endOf(await streamOf(wrong))).toMatchObject({ code: 'INVALID_CURSOR', argument: 'after' });
});

it('ends with UNAVAILABLE when the other process stops, and says so when there is none', async () => {
  await record('a');
  const stream = await streamOf(followAs(auditor, { since: '1970-01-01T00:00:00Z' }));
  await hear(stream, 1);
  const end = endOf(stream);
  await door.closeStreams();
  expect(await end).toMatchObject({ code: 'UNAVAILABLE' });
  await served[Symbol.asyncDispose]();
  const none = await followAs(auditor);
  expect('errors' in none && none.errors?.[0]?.extensions['code']).toBe('UNAVAILABLE');
  served = await serve(() => Promise.resolve());
});
