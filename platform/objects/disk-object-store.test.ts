import { link, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { DiskObjectStore } from '#platform/objects/disk-object-store';
import { describeObjectStore } from '#platform/objects/object-store.contract';

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-objects-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const root = (): string => join(folder, String((count += 1)));

describeObjectStore('disk', () => DiskObjectStore.open(root()));

test('files and folders are the owner’s alone', async () => {
  const path = root();
  const store = await DiskObjectStore.open(path);
  await store.put('a/b', Buffer.from('x'));
  expect((await stat(join(path, 'a'))).mode & 0o777).toBe(0o700);
  expect((await stat(join(path, 'a/b'))).mode & 0o777).toBe(0o600);
});

test('half-written objects of a crash are never listed, and go when they are old', async () => {
  const path = root();
  await DiskObjectStore.open(path);
  const [fresh, old] = [join(path, '.tmp/fresh'), join(path, '.tmp/old')];
  await writeFile(fresh, 'x');
  await writeFile(old, 'x');
  await utimes(old, new Date(0), new Date(0));
  const store = await DiskObjectStore.open(path);
  expect(await Array.fromAsync(store.list(''))).toEqual([]);
  expect(await readdir(join(path, '.tmp'))).toEqual(['fresh']);
});

test('leaves nothing behind when an object cannot be placed', async () => {
  const path = root();
  const store = await DiskObjectStore.open(path);
  await store.put('a', Buffer.from('x'));
  await expect(store.put('a/b', Buffer.from('y'))).rejects.toThrow('EEXIST');
  await store.put('c/d', Buffer.from('x'));
  await expect(store.put('c', Buffer.from('y'))).rejects.toThrow('EISDIR');
  expect(await readdir(join(path, '.tmp'))).toEqual([]);
});

test('makes a folder again that somebody removed', async () => {
  const path = root();
  const store = await DiskObjectStore.open(path);
  await store.put('a/b', Buffer.from('x'));
  await rm(join(path, 'a'), { recursive: true });
  await expect(store.put('a/c', Buffer.from('x'))).rejects.toThrow('ENOENT');
  await store.put('a/c', Buffer.from('x'));
  expect(await Array.fromAsync(store.list(''))).toEqual(['a/c']);
});

test('deletes an object under the name too that a crash left it, and no other', async () => {
  const path = root();
  const store = await DiskObjectStore.open(path);
  await store.putIfAbsent('a/key', Buffer.from('secret'));
  await store.putIfAbsent('a/other', Buffer.from('other'));
  await link(join(path, 'a/key'), join(path, '.tmp/left-of-key'));
  await link(join(path, 'a/other'), join(path, '.tmp/left-of-other'));
  await store.delete('a/key');
  await store.delete('a/key');
  expect(await readdir(join(path, '.tmp'))).toEqual(['left-of-other']);
  expect(await Array.fromAsync(store.list(''))).toEqual(['a/other']);
});

test('refuses keys in the folder of half-written objects', async () => {
  const store = await DiskObjectStore.open(root());
  await expect(store.put('.tmp/x', Buffer.from('x'))).rejects.toThrow('Not an object key here');
  await expect(store.get('k', { offset: -1, length: 1 })).rejects.toThrow('range');
});
