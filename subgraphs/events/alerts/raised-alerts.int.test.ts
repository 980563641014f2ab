import { parse, type ExecutionResult } from 'graphql';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import type { ResultStream } from '#platform/graphql/streams/result-stream';
import { putAlert } from '#test/alerts-bed';
import { AlertsPlatform, type EventsProcess } from '#test/alerts-platform';
import { endOf, streamOf } from '#test/events/follow';

const ONE = '111111111111';
const TWO = '222222222222';
const ALL: Principal = { keyId: 'all', role: 'auditor', accounts: 'ALL' };
const OF_ONE: Principal = { keyId: 'one', role: 'auditor', accounts: [ONE] };
const OF_TWO: Principal = { keyId: 'two', role: 'auditor', accounts: [TWO] };
const INGEST: Principal = { keyId: 'in', role: 'ingest', accounts: 'ALL' };
const MATCHES_THAT_WAIT = 20;
const LIVE = { queue: { events: MATCHES_THAT_WAIT, bytes: 2 ** 20 }, bytes: 2 ** 22 };

const FOLLOW = parse(`subscription ($after: ID, $alert: ID) { alertRaised(after: $after, alert: $alert) {
  cursor alertId alertName event { eventId accountId raw } } }`);

interface Raised {
  readonly cursor: string;
  readonly alertName: string;
  readonly event: { readonly eventId: string; readonly raw: string };
}

let cairn: AlertsPlatform;
let process: EventsProcess;

beforeEach(async () => {
  cairn = await AlertsPlatform.start();
  process = await cairn.open({ live: LIVE });
});
afterEach(async () => {
  expect(cairn.errors).toEqual([]);
  await cairn[Symbol.asyncDispose]();
});

function follow(
  principal: Principal,
  variables: Record<string, unknown> = {},
  of: EventsProcess = process,
): Promise<ResultStream | ExecutionResult> {
  return of.subgraph.subscribe({
    document: FOLLOW,
    variables,
    caller: { principal, requestId: 'r1', clientAddress: undefined },
    signal: new AbortController().signal,
  });
}

/** The next messages, so many. */
async function hear(stream: ResultStream, count: number): Promise<Raised[]> {
  const heard: Raised[] = [];
  while (heard.length < count) {
    const { done, value } = await stream.next();
    if (done === true) throw new Error(`The stream ended after ${heard.length} of ${count}.`);
    if (value.errors) throw new Error(JSON.stringify(value.errors));
    heard.push((value.data as { alertRaised: Raised }).alertRaised);
  }
  return heard;
}

const idsOf = (heard: readonly Raised[]): string[] => heard.map(({ event }) => event.eventId);

async function codeOf(
  principal: Principal,
  variables: Record<string, unknown>,
  of: EventsProcess = process,
): Promise<unknown> {
  const result = await follow(principal, variables, of);
  if ('next' in result) return endOf(result).then((end) => end?.['code']);
  return result.errors?.[0]?.extensions['code'];
}

it('tells what is raised from now on, in order, with all fields of the events', async () => {
  await putAlert(cairn.bed.pool, { name: 'all' });
  await cairn.record(3);
  await cairn.settle();
  const stream = await streamOf(follow(ALL));
  const ids = await cairn.record(5);
  await cairn.settle(2);
  const heard = await hear(stream, 5);
  expect(idsOf(heard)).toEqual(ids);
  expect(heard[0]?.alertName).toBe('all');
  expect(JSON.parse(heard[0]?.event.raw ?? '')).toMatchObject({ eventID: ids[0] });
  await stream.return(undefined);
});

it('tells first what was raised while nobody listened, then what comes', async () => {
  await putAlert(cairn.bed.pool, { name: 'all' });
  await cairn.record(1);
  await cairn.settle();
  const before = await streamOf(follow(ALL));
  const [second] = await cairn.record(1);
  await cairn.settle();
  const [heard] = await hear(before, 1);
  expect(heard?.event.eventId).toBe(second);
  await before.return(undefined);

  const missed = await cairn.record(400);
  await cairn.settle(150);
  const stream = await streamOf(follow(ALL, { after: heard?.cursor }));
  const live = await cairn.record(30);
  await cairn.settle();
  expect(idsOf(await hear(stream, 430))).toEqual([...missed, ...live]);
  await stream.return(undefined);
});

it('tells each alert of an event once, and goes on in the middle of them', async () => {
  for (const name of ['a', 'b', 'c']) await putAlert(cairn.bed.pool, { name });
  const stream = await streamOf(follow(ALL));
  await cairn.record(2);
  await cairn.settle();
  const heard = await hear(stream, 6);
  await stream.return(undefined);
  const told = heard.map(({ alertName, event }) => `${event.eventId} ${alertName}`);
  expect(new Set(told).size).toBe(6);
  for (let last = 0; last < 5; last += 1) {
    const again = await streamOf(follow(ALL, { after: heard[last]?.cursor }));
    const rest = await hear(again, 5 - last);
    expect(rest.map(({ cursor }) => cursor)).toEqual(heard.slice(last + 1).map(({ cursor }) => cursor));
    await again.return(undefined);
  }
});

it('tells a key only of alerts all of whose accounts it covers, and of one alert where it is named', async () => {
  const one = await putAlert(cairn.bed.pool, { name: 'one', scope: [ONE] });
  await putAlert(cairn.bed.pool, { name: 'both', scope: [ONE, TWO] });
  await putAlert(cairn.bed.pool, { name: 'all' });
  const streams = await Promise.all(
    [follow(OF_ONE), follow(OF_TWO), follow(ALL), follow(ALL, { alert: one.id })].map(streamOf),
  );
  await cairn.record(1, { account: ONE });
  await putAlert(cairn.bed.pool, { name: 'two', scope: [TWO], head: await cairn.journal.head() });
  await cairn.record(1, { account: TWO });
  await cairn.settle();
  const names = async (at: number, count: number): Promise<string[]> =>
    (await hear(streams[at]!, count)).map(({ alertName }) => alertName).toSorted();
  expect(await names(0, 1)).toEqual(['one']);
  expect(await names(1, 1)).toEqual(['two']);
  expect(await names(2, 6)).toEqual(['all', 'all', 'both', 'both', 'one', 'two']);
  expect(await names(3, 1)).toEqual(['one']);
  for (const stream of streams) await stream.return(undefined);
});

it('is not for keys that only record, and refuses cursors and alerts that are none', async () => {
  const one = await putAlert(cairn.bed.pool, { name: 'one', scope: [ONE] });
  expect(await codeOf(INGEST, {})).toBe('FORBIDDEN');
  expect(await codeOf(ALL, { after: 'AAAAAAAAAAAAAAAAAAAAAA' })).toBe('INVALID_CURSOR');
  expect(await codeOf(OF_TWO, { alert: one.id })).toBe('NOT_FOUND');
  expect(await codeOf(ALL, { alert: 'nobodys' })).toBe('NOT_FOUND');
});

it('refuses the cursor of an end that a restore lost, and goes on from one before it', async () => {
  await putAlert(cairn.bed.pool, { name: 'all' });
  const stream = await streamOf(follow(ALL));
  await cairn.record(2);
  await cairn.journal.sealer.sealTail({ force: true });
  await cairn.record(1);
  await cairn.settle();
  const [first, second, lost] = await hear(stream, 3);
  await stream.return(undefined);

  await cairn.bed.loseTail(2);
  const restored = await cairn.bed.open({ restored: true });
  expect(await restored.head()).toEqual({ epoch: 1, position: 2 });
  const after = await cairn.open();
  expect(await codeOf(ALL, { after: lost?.cursor }, after)).toBe('CURSOR_EXPIRED');
  await cairn.projection.reset();
  await cairn.settle(10, restored);
  const again = await streamOf(follow(ALL, { after: first?.cursor }, after));
  expect(idsOf(await hear(again, 1))).toEqual([second?.event.eventId]);
  await again.return(undefined);
});

it('cuts a slow subscriber off with the cursor to go on from', async () => {
  await putAlert(cairn.bed.pool, { name: 'all' });
  const slow = await streamOf(follow(ALL));
  const quick = await streamOf(follow(ALL));
  const [first] = await cairn.record(1);
  await cairn.settle();
  expect(idsOf(await hear(slow, 1))).toEqual([first]);
  expect(idsOf(await hear(quick, 1))).toEqual([first]);
  const ids: string[] = [];
  for (let number = 0; number <= MATCHES_THAT_WAIT; number += 1) {
    const [id = ''] = await cairn.record(1);
    ids.push(id);
    await cairn.settle();
    expect(idsOf(await hear(quick, 1))).toEqual([id]);
  }
  const end = await endOf(slow);
  expect(end?.['code']).toBe('SLOW_CONSUMER');
  const again = await streamOf(follow(ALL, { after: end?.['cursor'] }));
  expect(idsOf(await hear(again, ids.length))).toEqual(ids);
  await again.return(undefined);
  await quick.return(undefined);
  expect(process.services.raised.bytesHeld).toBe(0);
});

it('passes over what was erased', async () => {
  await putAlert(cairn.bed.pool, { name: 'all' });
  const stream = await streamOf(follow(ALL));
  const [first] = await cairn.record(1);
  await cairn.settle();
  const [heard] = await hear(stream, 1);
  expect(heard?.event.eventId).toBe(first);
  await cairn.record(2, { account: ONE });
  const [kept] = await cairn.record(1, { account: TWO });
  await cairn.settle();
  await cairn.erase({ account: ONE, before: undefined });
  const again = await streamOf(follow(ALL, { after: heard?.cursor }));
  expect(idsOf(await hear(again, 1))).toEqual([kept]);
  await again.return(undefined);
  await stream.return(undefined);
});

/** Every doorbell is lost on the way to this one. */
const DEAF = { subscribe: () => Promise.resolve(() => Promise.resolve()) };

it('tells the subscribers of two processes everything, and goes on in another process', async () => {
  await putAlert(cairn.bed.pool, { name: 'all' });
  const deaf = await cairn.open({ pubsub: DEAF });
  const streams = await Promise.all([streamOf(follow(ALL)), streamOf(follow(ALL, {}, deaf))]);
  const telling = Promise.all(streams.map((stream) => hear(stream, 300)));
  const ids: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    ids.push(...(await cairn.record(15)));
    await cairn.settle(10);
  }
  const [here, there] = await telling;
  expect(idsOf(here ?? [])).toEqual(ids);
  expect(idsOf(there ?? [])).toEqual(ids);
  const moved = await streamOf(follow(ALL, { after: here?.[99]?.cursor }, deaf));
  expect(idsOf(await hear(moved, 200))).toEqual(ids.slice(100));
  for (const stream of [...streams, moved]) await stream.return(undefined);
});

it('goes on while the matches are found anew, and tells none of them again', async () => {
  await putAlert(cairn.bed.pool, { name: 'all' });
  const stream = await streamOf(follow(ALL));
  const before = await cairn.record(20);
  await cairn.settle();
  const heard = await hear(stream, 20);
  expect(idsOf(heard)).toEqual(before);
  await cairn.projection.reset();
  const again = follow(ALL, { after: heard[9]?.cursor });
  await cairn.settle(5);
  const live = await cairn.record(3);
  await cairn.settle();
  expect(idsOf(await hear(stream, 3))).toEqual(live);
  const resumed = await streamOf(again);
  expect(idsOf(await hear(resumed, 13))).toEqual([...before.slice(10), ...live]);
  await stream.return(undefined);
  await resumed.return(undefined);
});
