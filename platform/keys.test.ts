import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { FileKeyProvider } from '#platform/keys';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-keys-'));
  path = join(folder, 'master.key');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the first start makes the key, for the owner alone; later ones read it', async () => {
  const first = await FileKeyProvider.openOrCreate(path);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  expect((await FileKeyProvider.openOrCreate(path)).derive('x')).toEqual(first.derive('x'));
  expect(await readdir(folder)).toEqual(['master.key']);
});

test('many first starts at once agree on one key', async () => {
  const opened = await Promise.all(Array.from({ length: 10 }, () => FileKeyProvider.openOrCreate(path)));
  expect(new Set(opened.map((keys) => keys.derive('x').toString('hex'))).size).toBe(1);
  expect(await readdir(folder)).toEqual(['master.key']);
});

test.each([0o640, 0o604, 0o660])('refuses a key file of mode %o', async (mode) => {
  await FileKeyProvider.openOrCreate(path);
  await chmod(path, mode);
  await expect(FileKeyProvider.openOrCreate(path)).rejects.toThrow('Others can read the master key');
});

test('refuses what is no key and never replaces it', async () => {
  await writeFile(path, 'abc\n', { mode: 0o600 });
  await expect(FileKeyProvider.openOrCreate(path)).rejects.toThrow('holds no master key');
  expect(await readFile(path, 'utf8')).toBe('abc\n');
  await expect(FileKeyProvider.open(join(folder, 'none'))).rejects.toThrow('ENOENT');
});

test('a wrapped key comes back under its own context only', async () => {
  const keys = await FileKeyProvider.openOrCreate(path);
  const key = randomBytes(32);
  const wrapped = await keys.wrap(key, 'data/111122223333/2026-10/1');
  expect(wrapped.includes(key)).toBe(false);
  expect(await keys.unwrap(wrapped, 'data/111122223333/2026-10/1')).toEqual(key);
  await expect(keys.unwrap(wrapped, 'data/111122223333/2026-11/1')).rejects.toThrow('was changed');
  const others = await FileKeyProvider.openOrCreate(join(folder, 'other.key'));
  await expect(others.unwrap(wrapped, 'data/111122223333/2026-10/1')).rejects.toThrow('another master key');
});

test('any flipped bit or cut of a wrapped key is found', async () => {
  const keys = await FileKeyProvider.openOrCreate(path);
  const wrapped = await keys.wrap(randomBytes(32), 'k');
  await fc.assert(
    fc.asyncProperty(fc.nat(wrapped.length * 8 - 1), async (bit) => {
      const changed = Buffer.from(wrapped);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(keys.unwrap(changed, 'k')).rejects.toThrow();
    }),
  );
  await expect(keys.unwrap(wrapped.subarray(1), 'k')).rejects.toThrow('Not a wrapped key');
  await expect(keys.wrap(randomBytes(16), 'k')).rejects.toThrow('32 bytes');
});

test('labels give unrelated keys', async () => {
  const keys = await FileKeyProvider.openOrCreate(path);
  expect(keys.derive('a')).toHaveLength(32);
  expect(keys.derive('a')).toEqual(keys.derive('a'));
  expect(keys.derive('a')).not.toEqual(keys.derive('b'));
});
