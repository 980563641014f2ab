import { expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import type { Share } from '#platform/fair/share';
import { TimeSlices } from '#platform/fair/time-slices';
import { startEventsWithin } from '#test/events/events-platform';
import { recordText } from '#test/events/records';
import { plain } from '#test/events/run-subgraph';

const ONE = '111111111111';
const COUNT = 200;
const administrator: Principal = { keyId: 'admin', role: 'administrator', accounts: 'ALL' };

/** Remembers who asked to go on. */
class WatchedSlices extends TimeSlices {
  readonly asked: Share[] = [];

  override next(share: Share): Promise<void> {
    this.asked.push(share);
    return super.next(share);
  }
}

it('makes a large page in small pieces, so that others are heard in between', async () => {
  const slices = new WatchedSlices();
  await using cairn = await startEventsWithin({ slices }, Date.now, ONE);
  const texts = Array.from({ length: COUNT }, (_, n) => ({
    eventData: recordText({ eventID: `event-${n}` }),
  }));
  const record = 'mutation ($input: RecordEventsInput!) { recordEvents(input: $input) { recorded } }';
  await cairn.run(administrator, record, { input: { events: texts.slice(0, COUNT / 2) } });
  await cairn.run(administrator, record, { input: { events: texts.slice(COUNT / 2) } });
  await cairn.settle();
  for (const [fields, pieces] of [
    ['eventName', COUNT / 16],
    // The records are read in pieces, too, and answered from.
    ['raw', (3 * COUNT) / 16],
  ] as const) {
    slices.asked.length = 0;
    const query = `{ events(first: ${COUNT}) { edges { node { ${fields} } } } }`;
    const { data, codes } = plain(await cairn.run(administrator, query));
    expect(codes).toEqual([]);
    expect(data).toMatchObject({ events: { edges: { length: COUNT } } });
    expect(slices.asked.length).toBeGreaterThan(pieces);
    expect(new Set(slices.asked.map(({ member }) => member))).toEqual(new Set(['admin']));
  }
});
