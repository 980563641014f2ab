import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { SegmentRuns } from '#journal/read/segment-runs';
import { RecordStore } from '#journal/store/record-store';
import { createJournalBed, newEvents, submissionOf } from '#test/journal-bed';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

it('keeps of a segment’s index what is counted, and not the bytes that it was read from', async () => {
  await using bed = await createJournalBed();
  const journal = await bed.open();
  // Read at once: of a larger index the bytes would be copied together.
  const count = 300;
  await journal.append(submissionOf(newEvents(0, count)));
  await journal.sealer.sealTail({ force: true });
  const read: WeakRef<ArrayBufferLike>[] = [];
  const objects = {
    ...bed.objects,
    async get(...asked: Parameters<typeof bed.objects.get>) {
      const bytes = await bed.objects.get(...asked);
      // Memory of its own, also where the store hands out views.
      const copy = bytes && Buffer.from(Uint8Array.from(bytes).buffer);
      if (copy !== undefined) read.push(new WeakRef(copy.buffer));
      return copy;
    },
  };
  const runs = new SegmentRuns(objects, new RecordStore(bed.pool));
  const run = (await runs.at([0])).get(0);
  expect([run?.first, run?.count, run?.source(count - 1)]).toEqual([0, count, 'key:test']);
  expect(read).toHaveLength(1);
  await turn();
  collect();
  expect(read.filter((bytes) => bytes.deref() !== undefined)).toEqual([]);
  // It still finds its frames.
  expect(await run?.frames[0]?.load(false)).toHaveProperty('length');
});
