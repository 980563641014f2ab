import { expect, test } from 'vitest';
import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import { startEventsWithin } from '#test/events/events-platform';
import { recordText } from '#test/events/records';
import { plain } from '#test/events/run-subgraph';

const ONE = '111111111111';
const principal: Principal = { keyId: 'in', role: 'ingest', accounts: [ONE] };
const RECORD = 'mutation ($input: RecordEventsInput!) { recordEvents(input: $input) { recorded } }';

test('recordEvents counts the bytes of its events against what the key may send', async () => {
  const charged: unknown[] = [];
  let left = 1;
  const charge = ({ keyId }: Principal, bytes: number): void => {
    if (left <= 0) throw new CairnError('TOO_MANY_REQUESTS', 'enough', { retryAfter: 9 });
    left -= bytes;
    charged.push([keyId, bytes]);
  };
  await using cairn = await startEventsWithin({ charge }, Date.now, ONE);
  const texts = [recordText({ eventID: 'one' }), recordText({ eventID: 'zwölf' })];
  const input = { events: texts.map((eventData) => ({ eventData })) };
  expect(plain(await cairn.run(principal, RECORD, { input })).data).toEqual({
    recordEvents: { recorded: 2 },
  });
  expect(charged).toEqual([['in', Buffer.byteLength(texts.join(''))]]);
  const { errors } = await cairn.run(principal, RECORD, { input });
  expect(errors?.map(({ extensions }) => extensions)).toMatchObject([
    { code: 'TOO_MANY_REQUESTS', retryAfter: 9 },
  ]);
  expect(cairn.journal.events).toHaveLength(2);
});
