import { chmod, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';

import type { DataFolder } from '#cli/data-folder';
import { openDataFolder } from '#cli/data-folder';
import { doctorCommand } from '#cli/doctor';
import { FileKeyProvider } from '#platform/keys';
import { startPostgres } from '#platform/postgres/start-postgres';
import { temporaryFolder } from '#test/harness';

let parent: string;
let root: string;
beforeEach(async () => {
  parent = await temporaryFolder();
  root = join(parent, 'data');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

async function diagnose(environment: Record<string, string> = {}): Promise<Record<string, string>> {
  const findings = await doctorCommand({ CAIRN_DATA: root }, { CAIRN_PORT: '0', ...environment });
  for (const { state, advice } of findings) expect(advice === undefined).toBe(state === 'ok');
  return Object.fromEntries(findings.map(({ check, state, found }) => [check, `${state}: ${found}`]));
}

async function makeFolder(): Promise<DataFolder> {
  const folder = await openDataFolder(root);
  await FileKeyProvider.openOrCreate(folder.masterKey);
  return folder;
}

test('a machine without a data folder is well, and stays without one', async () => {
  const found = await diagnose();
  expect(Object.values(found).filter((line) => line.startsWith('trouble'))).toEqual([]);
  expect(found).toMatchObject({
    configuration: 'ok: no mistakes',
    node: `ok: ${process.version}`,
    'data folder': expect.stringContaining('is new'),
  });
  expect(await readdir(parent)).toEqual([]);
});

test('every mistake of the configuration is trouble', async () => {
  const findings = await doctorCommand({}, { CAIRN_PORT: 'x', CAIRN_SEAL_SECONDS: '0' });
  expect(findings.map(({ check, state }) => [check, state])).toEqual([
    ['configuration', 'trouble'],
    ['configuration', 'trouble'],
  ]);
});

test('a whole folder is well, running or not', async () => {
  const folder = await makeFolder();
  const server = await startPostgres({ dataDir: root });
  expect(await diagnose()).toMatchObject({
    running: `ok: process ${process.pid} uses the folder`,
    PostgreSQL: 'ok: answers',
    'master key': expect.stringMatching(/^ok/),
    objects: 'ok: 0, all readable',
    anchor: expect.stringMatching(/^ok: 0 files/),
  });
  folder.release();
  expect((await diagnose())['PostgreSQL']).toBe('warning: runs without a supervisor, after a crash');
  await server.stop();
  expect(await diagnose()).toMatchObject({
    running: 'ok: no process uses the folder',
    PostgreSQL: 'ok: stopped',
  });
});

test('what is missing, open or foreign is named', async () => {
  const folder = await makeFolder();
  folder.release();
  await chmod(root, 0o755);
  await chmod(folder.masterKey, 0o644);
  await rm(folder.anchor, { recursive: true });
  await rename(folder.objects, join(root, 'elsewhere'));
  expect(await diagnose()).toMatchObject({
    access: expect.stringMatching(/^warning: mode 755/),
    'master key': expect.stringMatching(/^trouble: Others can read/),
    anchor: expect.stringMatching(/^trouble: ENOENT/),
    objects: expect.stringMatching(/^trouble: .* is missing/),
  });
  await rm(folder.masterKey);
  expect((await diagnose())['master key']).toMatch(/^trouble: .* is missing/);
  await writeFile(folder.versionFile, '{"format":2}');
  expect((await diagnose())['data folder']).toMatch(/^trouble: .* has format 2/);
});

test('a port that somebody else took is trouble', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  expect((await diagnose({ CAIRN_PORT: String(port) }))['port']).toMatch(/^trouble: .*EADDRINUSE/);
  server.close();
});

test('a PostgreSQL of others is asked for its version, or the reason is told without its password', async () => {
  expect((await diagnose({ CAIRN_POSTGRES_URL: inject('postgresUrl') }))['PostgreSQL']).toMatch(
    /^ok: PostgreSQL 1[58]/,
  );
  const wrong = new URL(inject('postgresUrl'));
  wrong.password = 'hunter2';
  const found = (await diagnose({ CAIRN_POSTGRES_URL: wrong.href }))['PostgreSQL'];
  expect(found).toMatch(/^trouble: password authentication failed/);
  expect(found).not.toContain('hunter2');
});
