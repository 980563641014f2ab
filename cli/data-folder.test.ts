import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { locateDataFolder, openDataFolder } from '#cli/data-folder';
import { lockHolder } from '#cli/folder-lock';

let parent: string;
let root: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'cairn-folder-'));
  root = join(parent, 'a/b/data');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

describe('a data folder', () => {
  test('is made for its owner alone, with the anchor beside it', async () => {
    const folder = await openDataFolder(root);
    expect((await stat(root)).mode & 0o777).toBe(0o700);
    expect((await readdir(root)).toSorted()).toEqual([
      'cairn.json',
      'history',
      'keys',
      'lock',
      'lock.db',
      'objects',
      'run',
    ]);
    expect(JSON.parse(await readFile(join(root, 'cairn.json'), 'utf8'))).toEqual({
      format: 1,
      installation: folder.installation,
      administratorKeyShown: false,
    });
    expect(await readdir(parent + '/a/b')).toEqual(['data', 'data.anchor']);
    folder.release();
    expect((await stat(join(root, 'lock.db'))).mode & 0o777).toBe(0o600);
  });

  test('stays the same installation, and its first key is shown once', async () => {
    const first = await openDataFolder(root);
    expect(first.needsAdministratorKey).toBe(true);
    await first.keyShown();
    first.release();
    const second = await openDataFolder(root);
    expect(second.installation).toBe(first.installation);
    expect(second.needsAdministratorKey).toBe(false);
    second.release();
  });

  test('is closed again when others can read it', async () => {
    (await openDataFolder(root)).release();
    await chmod(root, 0o755);
    (await openDataFolder(root)).release();
    expect((await stat(root)).mode & 0o777).toBe(0o710);
  });

  test.each([
    ['a newer release', { 'cairn.json': '{"format":2,"layout":"other"}' }, 'has format 2'],
    ['a damaged version file', { 'cairn.json': '{"format":' }, 'cannot be read'],
    ['somebody else', { 'holiday.jpg': 'x' }, 'not a data folder of Cairn'],
  ])('of %s is refused untouched', async (_, files, message) => {
    await mkdir(root, { recursive: true, mode: 0o755 });
    for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
    const before = await stat(root);
    await expect(openDataFolder(root)).rejects.toThrow(message);
    const after = await stat(root);
    expect(await readdir(root)).toEqual(Object.keys(files));
    expect([after.mode, after.mtimeMs]).toEqual([before.mode, before.mtimeMs]);
    for (const [name, text] of Object.entries(files)) {
      expect(await readFile(join(root, name), 'utf8')).toBe(text);
    }
  });

  test('that is a file is refused', async () => {
    await writeFile(join(parent, 'file'), '');
    await expect(openDataFolder(join(parent, 'file'))).rejects.toThrow();
  });

  test('of a first start that was killed early is used', async () => {
    await mkdir(root, { recursive: true });
    await writeFile(join(root, 'lock'), '{"pi');
    await writeFile(join(root, 'cairn.json.0a1b.tmp'), '{"form');
    (await openDataFolder(root)).release();
  });
});

describe('its lock', () => {
  const script = `import { openDataFolder } from '#cli/data-folder';
    await openDataFolder(process.argv[1]);
    console.log('held');
    setInterval(() => {}, 1e6);`;

  /** Another process that holds the folder. */
  async function holdElsewhere(): Promise<ChildProcess> {
    const args = ['--conditions=source', '--input-type=module-typescript', '-e', script, root];
    const cwd = new URL('..', import.meta.url).pathname;
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return child;
  }

  test('keeps out this process too, and names it', async () => {
    const folder = await openDataFolder(root);
    await expect(openDataFolder(root)).rejects.toThrow(`in use by process ${process.pid}, since 20`);
    expect(await lockHolder(root)).toBe(process.pid);
    folder.release();
    expect(await lockHolder(root)).toBe('free');
  });

  test('names the other process that holds it, and goes with it, however it ends', async () => {
    const child = await holdElsewhere();
    await expect(openDataFolder(root)).rejects.toMatchObject({ name: 'FolderLockedError', pid: child.pid });
    expect(await lockHolder(root)).toBe(child.pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    (await openDataFolder(root)).release();
  });

  test('goes to one of many that want it at once', async () => {
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => openDataFolder(root)));
    const winners = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(winners).toHaveLength(1);
    winners[0]?.release();
  });
});

describe('where it lies', () => {
  test('as wished, where PostgreSQL can enter', async () => {
    await chmod(parent, 0o755);
    expect(await locateDataFolder(root, true)).toEqual({ root });
  });

  test('elsewhere when root’s PostgreSQL could not enter, always at the same place', async () => {
    await chmod(parent, 0o700);
    const found = await locateDataFolder(root, true);
    const root0 = process.getuid?.() === 0;
    expect(found.root).toMatch(root0 ? /^\/(var\/lib|srv|opt)\/cairn\/data-[0-9a-f]{12}$/ : root);
    expect(found.moved?.includes(found.root)).toBe(root0 ? true : undefined);
    expect(await locateDataFolder(root, true)).toEqual(found);
    expect(await locateDataFolder(root, false)).toEqual({ root });
  });
});
