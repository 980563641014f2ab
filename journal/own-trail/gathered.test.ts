import { afterEach, beforeEach, expect, it } from 'vitest';
import { GatheredEvents, type GatheredEvent } from '#journal/own-trail/gathered';

const REFUSED: GatheredEvent = { eventName: 'Authenticate', details: {} };
const MINUTE = 60_000;

let now: number;
let written: (GatheredEvent & { at: number })[];
let fails: boolean;
let errors: unknown[];
let gathered: GatheredEvents;

beforeEach(() => {
  now = Date.UTC(2026, 10, 29);
  written = [];
  errors = [];
  fails = false;
  gathered = new GatheredEvents({
    write: async (event) => {
      if (fails) throw new Error('no database');
      written.push(event);
    },
    onError: (error) => void errors.push(error),
    rest: { eventName: 'Rest', details: {} },
    now: () => now,
    perMinute: 5,
    maxKinds: 8,
  });
});
afterEach(() => gathered.close());

function counts(): unknown[] {
  return written.map(({ eventName, additional }) => [eventName, additional?.['count'] ?? 'one']);
}

it('writes the first at once, and of the others one a minute, with their number and times', async () => {
  for (let index = 0; index < 1_000; index++) {
    await gathered.add('key', REFUSED);
    now += 10;
    await gathered.flush();
  }
  expect(counts()).toEqual([['Authenticate', 'one']]);
  now += MINUTE;
  await gathered.flush();
  expect(counts()).toEqual([
    ['Authenticate', 'one'],
    ['Authenticate', 999],
  ]);
  expect(written[1]?.additional).toEqual({
    count: 999,
    firstTime: '2026-11-29T00:00:00.010Z',
    lastTime: '2026-11-29T00:00:09.990Z',
  });
});

it('bounds its events and its memory against somebody who is always another, and counts the rest', async () => {
  for (let index = 0; index < 10_000; index++) await gathered.add(`made up ${index}`, REFUSED);
  expect(written).toHaveLength(5);
  await gathered.flush();
  expect(counts().slice(5)).toEqual([['Rest', 9_995]]);
  for (let index = 0; index < 10; index++) await gathered.add(`others ${index}`, REFUSED);
  now += MINUTE;
  await gathered.flush();
  expect(counts().slice(6)).toEqual([['Rest', 10]]);
});

it('loses none while nothing can be written, and says so to whoever waits', async () => {
  fails = true;
  await expect(gathered.add('key', REFUSED)).rejects.toThrow('no database');
  await gathered.add('key', REFUSED);
  now += MINUTE;
  await gathered.flush();
  expect(errors).toHaveLength(1);
  fails = false;
  now += MINUTE;
  await gathered.flush();
  expect(counts()).toEqual([['Authenticate', 2]]);
});

it('writes what is counted when it is closed', async () => {
  await gathered.add('key', REFUSED);
  await gathered.add('key', REFUSED);
  await gathered.close();
  expect(counts()).toEqual([
    ['Authenticate', 'one'],
    ['Authenticate', 1],
  ]);
});
