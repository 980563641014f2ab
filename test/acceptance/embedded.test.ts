import { once } from 'node:events';
import { chmod, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { graphql } from '#test/acceptance/client';
import { runCairn, startPlatform, temporaryFolder } from '#test/acceptance/platform';
import { costOfTree } from '#test/bench/process-cost';

describe('npm start with the embedded PostgreSQL', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('leaves no process behind when it is stopped', async () => {
    const platform = await startPlatform({ dataDir: join(folder, 'data') });
    const pids = costOfTree(platform.process.pid ?? 0).map(({ pid }) => pid);
    expect(pids.length).toBeGreaterThan(3);
    expect(await platform.stop('SIGINT')).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(await readdir(join(folder, 'data/postgres'))).not.toContain('postmaster.pid');
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
