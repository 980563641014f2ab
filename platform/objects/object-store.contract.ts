import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

import { compareKeys } from '#platform/objects/object-key';
import type { ObjectStore } from '#platform/objects/object-store';

/** What every ObjectStore does. The factory returns an empty one. */
export function describeObjectStore(name: string, create: () => Promise<ObjectStore>): void {
  describe(`ObjectStore: ${name}`, () => {
    let store: ObjectStore;
    beforeEach(async () => {
      store = await create();
    });
    describe('objects', () => describeObjects(() => store));
    describe('listing', () => describeListing(() => store));
  });
}

function describeObjects(store: () => ObjectStore): void {
  test('gives back the bytes that were put, empty ones too', async () => {
    const bytes = randomBytes(300_000);
    await store().put('a/b/c.bin', bytes);
    await store().put('empty', Buffer.alloc(0));
    expect(await store().get('a/b/c.bin')).toEqual(bytes);
    expect(await store().get('empty')).toEqual(Buffer.alloc(0));
    expect(await store().size('a/b/c.bin')).toBe(300_000);
    expect(await store().size('empty')).toBe(0);
  });

  test('knows nothing of what was not put, nor of folders', async () => {
    await store().put('a/b', Buffer.from('x'));
    for (const key of ['none', 'a', 'a/none', 'a/b/c']) {
      expect(await store().get(key)).toBeUndefined();
      expect(await store().size(key)).toBeUndefined();
    }
  });

  test('put replaces', async () => {
    await store().put('k', Buffer.from('a long first text'));
    await store().put('k', Buffer.from('second'));
    expect(String(await store().get('k'))).toBe('second');
  });

  test('putIfAbsent leaves what is there', async () => {
    expect(await store().putIfAbsent('x/k', Buffer.from('first'))).toBe(true);
    expect(await store().putIfAbsent('x/k', Buffer.from('second'))).toBe(false);
    expect(String(await store().get('x/k'))).toBe('first');
  });

  test('of many who put if absent at once, one wins and its bytes stay', async () => {
    const writers = Array.from({ length: 20 }, (_, index) => Buffer.alloc(50_000, index));
    const won = await Promise.all(writers.map((bytes) => store().putIfAbsent('new/folder/k', bytes)));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await store().get('new/folder/k')).toEqual(writers[won.indexOf(true)]);
  });

  test('of many who put the same bytes if absent, one wins', async () => {
    const won = await Promise.all(
      Array.from({ length: 10 }, () => store().putIfAbsent('k', Buffer.from('x'))),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
  });

  test('keeps what is large whole, and reads any part of it', async () => {
    const bytes = randomBytes(20 * 1024 * 1024 + 1);
    expect(await store().putIfAbsent('large', bytes)).toBe(true);
    expect(await store().putIfAbsent('large', randomBytes(bytes.length))).toBe(false);
    expect((await store().get('large'))?.equals(bytes)).toBe(true);
    expect(await store().size('large')).toBe(bytes.length);
    for (const offset of [0, 8 * 1024 * 1024 - 3, bytes.length - 5]) {
      const part = await store().get('large', { offset, length: 400_000 });
      expect(part?.equals(bytes.subarray(offset, offset + 400_000))).toBe(true);
    }
    await store().put('large', bytes.subarray(1));
    expect((await store().get('large'))?.equals(bytes.subarray(1))).toBe(true);
  });

  test('delete removes, twice without complaint, and frees the key', async () => {
    await store().put('a/k', Buffer.from('1'));
    await store().delete('a/k');
    await store().delete('a/k');
    await store().delete('never/there');
    expect(await store().get('a/k')).toBeUndefined();
    expect(await store().putIfAbsent('a/k', Buffer.from('2'))).toBe(true);
  });

  test('reads any range, cut to what there is', async () => {
    const bytes = randomBytes(1_000);
    await store().put('k', bytes);
    const range = fc.record({ offset: fc.nat(1_200), length: fc.nat(1_200) });
    await fc.assert(
      fc.asyncProperty(range, async ({ offset, length }) => {
        expect(await store().get('k', { offset, length })).toEqual(bytes.subarray(offset, offset + length));
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['', 'empty'],
    ['/a', 'leading slash'],
    ['a/', 'empty last part'],
    ['a//b', 'empty part'],
    ['a/../b', 'parent'],
    ['..', 'parent alone'],
    ['./a', 'dot'],
    ['a\0b', 'NUL'],
    ['a\nb', 'control character'],
    ['a\\b', 'backslash'],
    ['\ud800', 'lone surrogate'],
    ['x'.repeat(256), 'a part that is too long'],
    ['x/'.repeat(600) + 'x', 'too long'],
  ])('refuses the key %j (%s)', async (key) => {
    await expect(store().put(key, Buffer.from('x'))).rejects.toThrow('Not an object key');
    await expect(store().putIfAbsent(key, Buffer.from('x'))).rejects.toThrow('Not an object key');
    await expect(store().get(key)).rejects.toThrow('Not an object key');
    await expect(store().delete(key)).rejects.toThrow('Not an object key');
  });

  test('takes keys with blanks, dots, signs and letters of any script', async () => {
    for (const key of ['a b/c', 'year=2026/x', '...', 'é/ß/日本/😀', 'a:b*c?"<>|', '-rf', '~']) {
      await store().put(key, Buffer.from(key));
      expect(String(await store().get(key))).toBe(key);
    }
  });
}

function describeListing(store: () => ObjectStore): void {
  const keys = ['a', 'a-b', 'a.b', 'b/c', 'b/c-d', 'b/d/e', 'b-', 'b0', 'ab/x', 'ﬁ', '😀', 'Z'];

  test('is empty where nothing is', async () => {
    expect(await Array.fromAsync(store().list(''))).toEqual([]);
    expect(await Array.fromAsync(store().list('none/at/all'))).toEqual([]);
  });

  test('goes in the order of bytes, whatever lies in folders', async () => {
    for (const key of keys) await store().put(key, Buffer.from('x'));
    expect(await Array.fromAsync(store().list(''))).toEqual(keys.toSorted(compareKeys));
  });

  test('every prefix and every start give the matching part of the whole', async () => {
    for (const key of keys) await store().put(key, Buffer.from('x'));
    const text = fc.constantFrom('', 'a', 'b', 'b/', 'b/c', 'b/d/', 'b/d/e', 'b/d/f', 'c', 'zz', 'a-', 'b.');
    await fc.assert(
      fc.asyncProperty(text, text, async (prefix, after) => {
        const expected = keys.filter((key) => key.startsWith(prefix) && compareKeys(key, after) > 0);
        const found = await Array.fromAsync(store().list(prefix, after === '' ? undefined : after));
        expect(found).toEqual(expected.toSorted(compareKeys));
      }),
    );
  });

  test('goes through many, one after another, and can be left at any of them', async () => {
    const many = Array.from({ length: 250 }, (_, index) => `n/${String(index).padStart(5, '0')}`);
    for (let from = 0; from < many.length; from += 50) {
      await Promise.all(many.slice(from, from + 50).map((key) => store().put(key, Buffer.from('x'))));
    }
    expect(await Array.fromAsync(store().list('n/'))).toEqual(many);
    expect(await Array.fromAsync(store().list('n/', many[220]))).toEqual(many.slice(221));
    const first: string[] = [];
    for await (const key of store().list('n/')) if (first.push(key) === 3) break;
    expect(first).toEqual(many.slice(0, 3));
  });

  test('forgets what was deleted', async () => {
    await store().put('b/1', Buffer.from('x'));
    await store().put('b/2', Buffer.from('x'));
    await store().delete('b/1');
    expect(await Array.fromAsync(store().list('b/'))).toEqual(['b/2']);
  });
}
