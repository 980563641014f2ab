import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import type { OpenJournal } from '#journal/journal';
import type { PubSub } from '#platform/pubsub/pubsub';
import { LiveEvents } from '#subgraphs/events/live/live-events';
import { createJournalBed, newEvents, submissionOf, type JournalBed } from '#test/journal-bed';

const all: Principal = { keyId: 'all', role: 'auditor', accounts: 'ALL' };
const ROUNDS = 40;
const BATCH = 25;
const TOTAL = ROUNDS * BATCH;

let bed: JournalBed;
let journal: OpenJournal;
const failures: unknown[] = [];

beforeEach(async () => {
  bed = await createJournalBed();
  journal = await bed.open();
  failures.length = 0;
});
afterEach(() => bed[Symbol.asyncDispose]());

/** One process of the events subgraph, as far as it knows: a reader of its own. */
async function openProcess(pubsub: Pick<PubSub, 'subscribe'>): Promise<LiveEvents> {
  const { eventIds, ...own } = await bed.open({ recover: false });
  const onError = (error: unknown): void => void failures.push(error);
  return new LiveEvents({ journal: own, eventIds, pubsub, onError, lookMs: 20 });
}

/** Every doorbell is lost on the way to this one. */
const DEAF: Pick<PubSub, 'subscribe'> = { subscribe: () => Promise.resolve(() => Promise.resolve()) };

async function recordAll(): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    await journal.append(submissionOf(newEvents(round * BATCH, (round + 1) * BATCH)));
    // What is read next may have moved from the tail into a segment.
    if (round % 7 === 3) await journal.sealer.sealTail({ force: true });
  }
}

interface Told {
  readonly cursor: string;
  readonly eventId: string;
}

/** Subscribed when it resolves; the function gives what is told, so many. */
async function follow(live: LiveEvents, after?: string): Promise<(count: number) => Promise<Told[]>> {
  const left = new AbortController();
  const events = await live.follow(all, { after }, left.signal);
  return async (count) => {
    const told: Told[] = [];
    while (told.length < count) {
      const { done, value } = await events.next();
      if (done === true) throw new Error(`The stream ended after ${told.length} of ${count}.`);
      told.push({ cursor: value.cursor, eventId: value.event.eventId });
    }
    left.abort();
    await events.return();
    return told;
  };
}

const EXPECTED = Array.from({ length: TOTAL }, (_, number) => `event-${number}`);
const idsOf = (told: readonly Told[]): string[] => told.map(({ eventId }) => eventId);

it('tells all subscribers of two processes everything, once and in order, while it is written and sealed', async () => {
  const processes = [await openProcess(bed.pubsub), await openProcess(DEAF)];
  const early = await Promise.all(processes.flatMap((live) => [follow(live), follow(live)]));
  const telling = Promise.all(early.map((tell) => tell(TOTAL)));
  await recordAll();
  const told = await telling;
  for (const one of told) expect(idsOf(one)).toEqual(EXPECTED);
  // Whoever comes back, to either of them, goes on where he was.
  for (const live of processes) {
    for (const last of [0, 333, 990]) {
      const tell = await follow(live, told[0]?.[last]?.cursor);
      expect(idsOf(await tell(TOTAL - last - 1))).toEqual(EXPECTED.slice(last + 1));
    }
    await live.close();
  }
  expect(failures).toEqual([]);
});

it('goes on in the process that is started after one was stopped, without gap or repeat', async () => {
  const first = await openProcess(bed.pubsub);
  const tellFirst = await follow(first);
  const writing = recordAll();
  const before = await tellFirst(170);
  await first.close();
  const second = await openProcess(bed.pubsub);
  const tellSecond = await follow(second, before.at(-1)?.cursor);
  const after = await tellSecond(TOTAL - 170);
  await writing;
  expect([...idsOf(before), ...idsOf(after)]).toEqual(EXPECTED);
  await second.close();
});
