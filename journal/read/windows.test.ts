import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';

import { Windows } from '#journal/read/windows';
import type { ByteRange } from '#platform/objects/object-store';
import { MemoryObjects } from '#test/memory-objects';

const MEGABYTE = 1024 * 1024;
const bytes = randomBytes(3 * MEGABYTE + 777);

/** Counts reads, and fails as often as told. */
class Counted extends MemoryObjects {
  reads = 0;
  failures = 0;

  override async get(key: string, range?: ByteRange): Promise<Buffer | undefined> {
    this.reads++;
    if (this.failures > 0) {
      this.failures--;
      throw new Error('away');
    }
    return super.get(key, range);
  }
}

let objects: Counted;
let windows: Windows;
const read = (offset: number, length: number): Promise<Buffer | undefined> =>
  windows.get('k', { offset, length }, bytes.length);
beforeEach(() => {
  objects = new Counted([['k', bytes]]);
  windows = new Windows(objects);
});

test('gives the bytes of any range, also over the edge of windows', async () => {
  const range = fc.record({ offset: fc.nat(bytes.length - 1), length: fc.nat(MEGABYTE + 10) });
  await fc.assert(
    fc.asyncProperty(range, async ({ offset, length }) => {
      const cut = Math.min(length, bytes.length - offset);
      expect((await read(offset, cut))?.equals(bytes.subarray(offset, offset + cut))).toBe(true);
    }),
  );
});

test('reads what lies together once, and once for all who ask at the same time', async () => {
  const offsets = Array.from({ length: 30 }, (_, at) => 1_000 + at * 100_000);
  const parts = await Promise.all(offsets.map((offset) => read(offset, 90_000)));
  for (const [at, part] of parts.entries()) {
    const offset = offsets[at] ?? 0;
    expect(part?.equals(bytes.subarray(offset, offset + 90_000))).toBe(true);
  }
  expect(objects.reads).toBe(3);
});

test('a failure is told, and not remembered', async () => {
  objects.failures = 1;
  await expect(read(5, 10)).rejects.toThrow('away');
  expect(await read(5, 10)).toEqual(bytes.subarray(5, 15));
});

test('an object that is not there, or is shorter than it should be, shows', async () => {
  expect(await windows.get('none', { offset: 0, length: 5 }, 100)).toBeUndefined();
  expect(await windows.get('k', { offset: bytes.length - 3, length: 10 }, bytes.length + 7)).toHaveLength(3);
});
