import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { temporaryFolder } from '#test/harness';

const BOOTSTRAP = new URL('bootstrap.mjs', import.meta.url);
const LOCKED = { packages: { '': {}, 'node_modules/wanted': { version: '1.0.0' } } };
let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder, 'checkout/bin'), { recursive: true });
  await copyFile(BOOTSTRAP, join(folder, 'checkout/bin/bootstrap.mjs'));
  const files = {
    'bin/main.mjs': `import { bootstrap } from './bootstrap.mjs';\nconsole.log(await bootstrap('main.mjs'));\n`,
    'package.json': '{}',
    'package-lock.json': JSON.stringify(LOCKED),
    'tsconfig.json': '{}',
    'tsconfig.build.json': '{"include":[]}',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, 'checkout', name), text);
  // Stands for the compiler: there is nothing to build.
  await mkdir(join(folder, 'shared/typescript/bin'), { recursive: true });
  await writeFile(join(folder, 'shared/typescript/bin/tsc'), '');
  await symlink('../shared', join(folder, 'checkout/node_modules'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function installed(packages: object): Promise<void> {
  await writeFile(join(folder, 'shared/.package-lock.json'), JSON.stringify({ packages }));
}

/** An npm that could be run would empty the folder, and fail here for want of the package. */
async function start(): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [join(folder, 'checkout/bin/main.mjs')]);
}

test('a node_modules that is a link to another’s is used as it is, and what does not match is said', async () => {
  await installed({ 'node_modules/wanted': { version: '2.0.0' } });
  const { stdout, stderr } = await start();
  expect(stdout).toBe('true\n');
  expect(stderr.split('\n')[0]).toBe(
    'cairn: node_modules is a link and does not match package-lock.json: using what is there.',
  );
  expect(stderr).not.toContain('npm ci');
  expect(await readFile(join(folder, 'shared/.package-lock.json'), 'utf8')).toContain('2.0.0');
  expect((await readdir(join(folder, 'shared'))).toSorted()).toEqual(['.package-lock.json', 'typescript']);
});

test('nothing is said of a link to what matches', async () => {
  await installed({ 'node_modules/wanted': { version: '1.0.0' } });
  expect((await start()).stderr).not.toContain('link');
});
