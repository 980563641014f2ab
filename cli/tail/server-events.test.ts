import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { serverEvents } from '#cli/tail/server-events';

const STREAM =
  ':\n\nevent: next\ndata: {"a":"ä€\u{1F600}"}\n\n:\n\nevent: next\r\ndata: one\r\ndata: two\r\n\r\nevent: complete\ndata:\n\nevent: cut off';

it('reads events however they are cut into chunks', async () => {
  const bytes = Buffer.from(STREAM);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
      const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      const found = await Array.fromAsync(serverEvents(ofChunks(chunks)));
      expect(found).toEqual([
        { event: 'next', data: '{"a":"ä€\u{1F600}"}' },
        { event: 'next', data: 'one\ntwo' },
        { event: 'complete', data: '' },
      ]);
    }),
    { seed: 3 },
  );
});

async function* ofChunks(chunks: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
