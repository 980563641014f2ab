import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

import type { KeyProvider } from '#platform/keys';

/** An installation's master key, and ways to open it. */
export interface KeyBed {
  /** Opens it, or makes it where there is none. */
  open(): Promise<KeyProvider>;
  /** Another installation's. */
  other(): Promise<KeyProvider>;
}

/** What every KeyProvider does. The factory returns a bed without a key. */
export function describeKeyProvider(name: string, create: () => Promise<KeyBed>): void {
  describe(`KeyProvider: ${name}`, () => {
    let bed: KeyBed;
    beforeEach(async () => {
      bed = await create();
    });

    test('the first start makes the key, later ones find it', async () => {
      const first = await bed.open();
      const wrapped = await first.wrap(randomBytes(32), 'k');
      const later = await bed.open();
      expect(later.derive('x')).toEqual(first.derive('x'));
      expect(await later.unwrap(wrapped, 'k')).toEqual(await first.unwrap(wrapped, 'k'));
    });

    test('many first starts at once agree on one key', async () => {
      const opened = await Promise.all(Array.from({ length: 10 }, () => bed.open()));
      expect(new Set(opened.map((keys) => keys.derive('x').toString('hex'))).size).toBe(1);
    });

    test('a wrapped key comes back under its own context only', async () => {
      const keys = await bed.open();
      const key = randomBytes(32);
      const wrapped = await keys.wrap(key, 'data/111122223333/2026-10/1');
      expect(wrapped.includes(key)).toBe(false);
      expect(await keys.unwrap(wrapped, 'data/111122223333/2026-10/1')).toEqual(key);
      await expect(keys.unwrap(wrapped, 'data/111122223333/2026-11/1')).rejects.toThrow('was changed');
      const others = await bed.other();
      await expect(others.unwrap(wrapped, 'data/111122223333/2026-10/1')).rejects.toThrow();
    });

    test('what was cut, or is no wrapped key of ours, is refused', async () => {
      const keys = await bed.open();
      const wrapped = await keys.wrap(randomBytes(32), 'k');
      await expect(keys.unwrap(wrapped.subarray(1), 'k')).rejects.toThrow();
      await expect(keys.unwrap(wrapped.subarray(0, -1), 'k')).rejects.toThrow();
      await expect(keys.unwrap(Buffer.alloc(0), 'k')).rejects.toThrow('Not a wrapped key');
      await expect(keys.unwrap(Buffer.concat([Buffer.of(77), wrapped.subarray(1)]), 'k')).rejects.toThrow(
        'Not a wrapped key',
      );
      await expect(keys.wrap(randomBytes(16), 'k')).rejects.toThrow('32 bytes');
    });

    test('any flipped bit of a wrapped key is found', async () => {
      const keys = await bed.open();
      const wrapped = await keys.wrap(randomBytes(32), 'k');
      await fc.assert(
        fc.asyncProperty(fc.nat(wrapped.length * 8 - 1), async (bit) => {
          const changed = Buffer.from(wrapped);
          changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          await expect(keys.unwrap(changed, 'k')).rejects.toThrow();
        }),
        { numRuns: 50 },
      );
    });

    test('labels give unrelated keys, always the same', async () => {
      const keys = await bed.open();
      expect(keys.derive('a')).toHaveLength(32);
      expect(keys.derive('a')).toEqual(keys.derive('a'));
      expect(keys.derive('a')).not.toEqual(keys.derive('b'));
      expect((await bed.other()).derive('a')).not.toEqual(keys.derive('a'));
    });
  });
}
