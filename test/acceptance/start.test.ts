import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { graphql } from '#test/acceptance/client';
import { cairn, runCairn, startPlatform, temporaryFolder } from '#test/acceptance/platform';
import { costOfTree } from '#test/bench/process-cost';

const KEY = /cairn_[a-z2-7]+_[a-z2-7]+/g;

describe('npm start', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('prints the administrator’s key on the first start only, and it still works on the second', async () => {
    const dataDir = join(folder, 'data');
    const first = await startPlatform({ dataDir });
    const { apiKey } = first;
    expect(first.output().match(KEY)).toEqual([apiKey]);
    for (const part of ['/graphql', '/v1/events', dataDir, 'master.key'])
      expect(first.output()).toContain(part);
    const profile = join(folder, 'config/cairn/profile.json');
    expect((await stat(profile)).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'master.key'))).mode & 0o777).toBe(0o600);
    expect(await first.stop()).toBe(0);

    await using second = await startPlatform({ dataDir, apiKey });
    expect(second.output()).not.toMatch(KEY);
    expect(await graphql(second, '{ account(id: "000000000000") { id } }')).toEqual({
      account: { id: '000000000000' },
    });
    const profiled = await cairn(['accounts', 'list', '-o', 'json'], {
      XDG_CONFIG_HOME: join(folder, 'config'),
    });
    expect(profiled).toMatchObject({ code: 0, stderr: '' });
  });

  it('leaves no process behind when it is stopped', async () => {
    const platform = await startPlatform({ dataDir: join(folder, 'data') });
    const pids = costOfTree(platform.process.pid ?? 0).map(({ pid }) => pid);
    expect(pids.length).toBeGreaterThan(3);
    expect(await platform.stop('SIGINT')).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(await readdir(join(folder, 'data/postgres'))).not.toContain('postmaster.pid');
  });

  it('names the process that holds the folder', async () => {
    const dataDir = join(folder, 'data');
    await using platform = await startPlatform({ dataDir });
    const second = await cairn(['start', '--data', dataDir], { XDG_CONFIG_HOME: join(folder, 'config') });
    expect(second.code).not.toBe(0);
    expect(second.stdout + second.stderr).toContain(`process ${platform.process.pid}`);
    expect(await graphql(platform, '{ __typename }')).toEqual({ __typename: 'Query' });
  });

  it.each([
    ['newer', 'cairn.json', '{"format":999,"installation":"x"}'],
    ['unknown', 'holiday.jpg', 'a picture'],
  ])('leaves a %s folder as it is', async (_, name, content) => {
    const dataDir = join(folder, 'data');
    await mkdir(dataDir);
    await writeFile(join(dataDir, name), content);
    const before = await stat(dataDir);
    const started = await cairn(['start', '--data', dataDir], { XDG_CONFIG_HOME: join(folder, 'config') });
    expect(started.code).not.toBe(0);
    expect(started.stderr).toContain(dataDir);
    expect(await readdir(folder)).toEqual(['data']);
    expect(await readdir(dataDir)).toEqual([name]);
    expect(await readFile(join(dataDir, name), 'utf8')).toBe(content);
    expect((await stat(dataDir)).mode).toBe(before.mode);
  });

  it('can be interrupted while it starts', async () => {
    const child = runCairn(['start', '--data', join(folder, 'data')], {
      XDG_CONFIG_HOME: join(folder, 'config'),
    });
    await filled(join(folder, 'data/postgres'));
    const pids = costOfTree(child.pid ?? 0).map(({ pid }) => pid);
    const closed = once(child, 'close');
    child.kill('SIGINT');
    await closed;
    expect(pids.filter(isAlive)).toEqual([]);
    await using platform = await startPlatform({ dataDir: join(folder, 'data') });
    expect(await graphql(platform, '{ __typename }')).toEqual({ __typename: 'Query' });
  });

  it.runIf(process.getuid?.() === 0)('works for root below a folder that only root may enter', async () => {
    const closed = join(folder, 'closed');
    await mkdir(closed);
    await chmod(closed, 0o700);
    const platform = await startPlatform({ dataDir: join(closed, 'data'), args: ['--port', '0'] });
    const moved = /the data folder is (\S+)\.$/m.exec(platform.output())?.[1];
    try {
      expect(await graphql(platform, '{ __typename }')).toEqual({ __typename: 'Query' });
      expect(await platform.stop()).toBe(0);
      expect(moved).toMatch(/^\/(var\/lib|srv|opt)\/cairn\/data-[0-9a-f]{12}$/);
      expect((await stat(closed)).mode & 0o777).toBe(0o700);
    } finally {
      await platform.stop();
      if (moved !== undefined) {
        for (const path of [moved, `${moved}.anchor`]) await rm(path, { recursive: true, force: true });
      }
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // ESRCH: gone.
    return false;
  }
}

async function filled(folder: string): Promise<void> {
  for (;;) {
    const names = await readdir(folder).catch(() => []);
    if (names.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
