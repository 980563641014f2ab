import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { FileKeyProvider } from '#platform/keys';
import { describeKeyProvider } from '#platform/keys.contract';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-keys-'));
  path = join(folder, 'master.key');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describeKeyProvider('file', async () => ({
  open: () => FileKeyProvider.openOrCreate(path),
  other: () => FileKeyProvider.openOrCreate(join(folder, 'other.key')),
}));

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

test('says so when another master key wrapped a key', async () => {
  const keys = await FileKeyProvider.openOrCreate(path);
  const others = await FileKeyProvider.openOrCreate(join(folder, 'other.key'));
  await expect(others.unwrap(await keys.wrap(Buffer.alloc(32), 'k'), 'k')).rejects.toThrow(
    'another master key',
  );
});
