import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { graphql } from '#test/acceptance/client';
import { cairn, startPlatform, temporaryFolder } from '#test/acceptance/platform';

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
});
