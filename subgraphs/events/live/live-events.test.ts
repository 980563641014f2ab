import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import { JOURNAL_CHANNEL } from '#journal/append/doorbell';
import { LIVE_LIMITS } from '#subgraphs/events/live/live-events';
import { startEventsWithin } from '#test/events/events-platform';
import { endOf, follow, hear, idsOf, streamOf } from '#test/events/follow';
import { testEventIds } from '#test/events/memory-journal';
import { recordText } from '#test/events/records';

const ONE = '111111111111';
const TWO = '222222222222';
const all: Principal = { keyId: 'all', role: 'auditor', accounts: 'ALL' };
const ofOne: Principal = { keyId: 'one', role: 'auditor', accounts: [ONE] };
const ingest: Principal = { keyId: 'in', role: 'ingest', accounts: 'ALL' };
const NOW = Date.parse('2026-03-10T00:00:00Z');
const EVENTS_THAT_WAIT = 100;

type Platform = Awaited<ReturnType<typeof startEventsWithin>>;
let cairn: Platform;

beforeEach(async () => {
  const live = { ...LIVE_LIMITS, queue: { events: EVENTS_THAT_WAIT, bytes: 2 ** 20 } };
  cairn = await startEventsWithin({ live }, () => NOW, ONE, TWO);
});
afterEach(() => cairn[Symbol.asyncDispose]());

interface Changes {
  readonly recipientAccountId?: string;
  readonly eventName?: string;
  readonly requestParameters?: object;
}

let recorded = 0;
/** Records events and gives their ids. */
async function record(count: number, changes: Changes = {}): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `id-${(recorded += 1)}`);
  const events = ids.map((eventID) => {
    const text = recordText({ eventID, ...changes });
    const account = changes.recipientAccountId ?? ONE;
    return { raw: Buffer.from(text), account, eventId: eventID, eventTime: NOW };
  });
  await cairn.journal.append({ source: 'key:test', received: count, refused: 0, events });
  await cairn.pubsub.publish(JOURNAL_CHANNEL, '1:1');
  return ids;
}

async function codeOf(principal: Principal, variables: Record<string, unknown>): Promise<unknown> {
  const result = await follow(cairn.subgraph, principal, variables);
  if ('next' in result) return endOf(result).then((end) => end?.['code']);
  return result.errors?.[0]?.extensions['code'];
}

describe('eventRecorded', () => {
  it('tells what is recorded from now on, in order, each once', async () => {
    await record(3);
    const stream = await streamOf(follow(cairn.subgraph, all));
    const between = await record(2);
    expect(idsOf(await hear(stream, 2))).toEqual(between);
    const first = hear(stream, 1);
    const [one] = await record(1);
    expect(idsOf(await first)).toEqual([one]);
    await stream.return(undefined);
  });

  it('tells first what was recorded behind a cursor, then what comes', async () => {
    const past = await record(2_500);
    const before = await streamOf(follow(cairn.subgraph, all, { since: '1970-01-01T00:00:00Z' }));
    const heard = await hear(before, 2_500);
    expect(idsOf(heard)).toEqual(past);
    await before.return(undefined);

    const stream = await streamOf(follow(cairn.subgraph, all, { after: heard[9]?.cursor }));
    expect(idsOf(await hear(stream, 2_490))).toEqual(past.slice(10));
    const next = hear(stream, 5);
    const more = await record(5);
    expect(idsOf(await next)).toEqual(more);
    await stream.return(undefined);
  });

  it('tells each subscriber what its filter says, and of its accounts only', async () => {
    const puts = await streamOf(
      follow(cairn.subgraph, all, { filter: { eventName: { equals: 'PutObject' } } }),
    );
    const words = await streamOf(follow(cairn.subgraph, all, { filter: { words: 'needle' } }));
    const own = await streamOf(follow(cairn.subgraph, ofOne));
    const tried = await streamOf(follow(cairn.subgraph, ofOne, { filter: { account: { in: [ONE, TWO] } } }));
    const [put] = await record(1, { eventName: 'PutObject', recipientAccountId: TWO });
    const [needle] = await record(1, { requestParameters: { key: 'a Needle.' }, recipientAccountId: TWO });
    const [mine] = await record(1);
    expect(idsOf(await hear(puts, 1))).toEqual([put]);
    expect(idsOf(await hear(words, 1))).toEqual([needle]);
    expect(idsOf(await hear(own, 1))).toEqual([mine]);
    expect(idsOf(await hear(tried, 1))).toEqual([mine]);
    for (const stream of [puts, words, own, tried]) await stream.return(undefined);
  });

  it('is not for keys that only record, and refuses cursors and filters that are none', async () => {
    await record(1);
    expect(await codeOf(ingest, {})).toBe('FORBIDDEN');
    expect(await codeOf(all, { after: 'AAAAAAAAAAAAAAAAAAAAAA' })).toBe('INVALID_CURSOR');
    expect(await codeOf(all, { filter: { eventName: { prefix: 'a' } } })).toBe('INVALID_FILTER');
    const cursor = testEventIds.encode({ epoch: 1, position: 0 }, NOW);
    expect(await codeOf(all, { after: cursor, since: '2026-01-01T00:00:00Z' })).toBe('INVALID_ARGUMENT');
  });

  it('cuts a slow subscriber off with the cursor to go on from, and lets go of what waited', async () => {
    const slow = await streamOf(follow(cairn.subgraph, all));
    const quick = await streamOf(follow(cairn.subgraph, all));
    const [first] = await record(1);
    expect(idsOf(await hear(slow, 1))).toEqual([first]);
    expect(idsOf(await hear(quick, 1))).toEqual([first]);
    const ids: string[] = [];
    // One at a time: the quick one takes each before the next is there.
    for (let number = 0; number <= EVENTS_THAT_WAIT; number += 1) {
      const [id = ''] = await record(1);
      ids.push(id);
      expect(idsOf(await hear(quick, 1))).toEqual([id]);
    }
    const end = await endOf(slow);
    expect(end?.['code']).toBe('SLOW_CONSUMER');
    const again = await streamOf(follow(cairn.subgraph, all, { after: end?.['cursor'] }));
    expect(idsOf(await hear(again, ids.length))).toEqual(ids);
    await again.return(undefined);
    await quick.return(undefined);
    expect(cairn.services.live.bytesHeld).toBe(0);
  });

  it('names the place where it began when nothing was told before the cut', async () => {
    await record(3);
    const slow = await streamOf(follow(cairn.subgraph, all));
    const quick = await streamOf(follow(cairn.subgraph, all));
    const waiting = slow.next();
    const [first] = await record(1);
    await waiting;
    await hear(quick, 1);
    for (let number = 0; number <= EVENTS_THAT_WAIT; number += 1) {
      await record(1);
      await hear(quick, 1);
    }
    const end = await endOf(slow);
    const again = await streamOf(follow(cairn.subgraph, all, { after: end?.['cursor'] }));
    expect(idsOf(await hear(again, 1))).not.toContain(first);
    await again.return(undefined);
    await quick.return(undefined);
  });

  it('can be left while it waits, and starts again for the next subscriber', async () => {
    const stream = await streamOf(follow(cairn.subgraph, all));
    const waiting = stream.next();
    await stream.return(undefined);
    expect(await waiting).toEqual({ done: true, value: undefined });
    const next = await streamOf(follow(cairn.subgraph, all));
    const heard = hear(next, 1);
    const [id] = await record(1);
    expect(idsOf(await heard)).toEqual([id]);
    await next.return(undefined);
  });

  it('passes over what was erased', async () => {
    await record(1);
    await record(2);
    cairn.journal.erase(1);
    const stream = await streamOf(follow(cairn.subgraph, all, { since: '1970-01-01T00:00:00Z' }));
    expect(await hear(stream, 2)).toHaveLength(2);
    await stream.return(undefined);
  });
});
