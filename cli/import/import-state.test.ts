import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ImportState, importIdOf } from '#cli/import/import-state';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cairn-import-'));
});
afterEach(() => rm(root, { recursive: true }));

const file = { path: '/logs/a.json', size: 10, modified: 1 };
const report = {
  received: 1,
  recorded: 1,
  duplicates: 0,
  conflicts: 0,
  refused: 0,
  digests: 0,
  refusals: [],
};

it('knows the files that are done when it is opened again, and a file that has changed is not', async () => {
  const id = importIdOf('one', ['/logs']);
  await (await ImportState.open(root, id)).finish(file, report);
  const again = await ImportState.open(root, id);
  expect(again.isDone(file)).toBe(true);
  await again.finish({ ...file, path: '/logs/b.json' }, { ...report, refused: 1, refusals: [] });
  expect((await ImportState.open(root, id)).whole).toMatchObject({ files: 2, received: 2, refused: 1 });
  expect(again.isDone({ ...file, size: 11 })).toBe(false);
});

it('sends a file again whose line a crash has cut off', async () => {
  const state = await ImportState.open(root, 'a');
  await state.finish(file, report);
  await appendFile(join(state.folder, 'done.ndjson'), '["/logs/b.js');
  await state.finish({ ...file, path: '/logs/c.json' }, report);
  await state.finish({ ...file, path: '/logs/d.json' }, report);
  const again = await ImportState.open(root, 'a');
  expect(['a', 'b', 'c', 'd'].map((name) => again.isDone({ ...file, path: `/logs/${name}.json` }))).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

it('begins anew with the key of another installation', async () => {
  await (await ImportState.open(root, importIdOf('one', ['/logs']))).finish(file, report);
  expect((await ImportState.open(root, importIdOf('two', ['/logs']))).isDone(file)).toBe(false);
});

it('is the same import whatever the order of its paths', () => {
  expect(importIdOf('one', ['/a', '/b'])).toBe(importIdOf('one', ['/b', '/a']));
});
