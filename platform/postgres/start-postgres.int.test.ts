import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { RunningPostgres } from '#platform/postgres/start-postgres';
import { runningPostgresUrl, startPostgres } from '#platform/postgres/start-postgres';
import { waitForExit } from '#platform/postgres/postmaster';
import { temporaryFolder } from '#test/harness';

let parent: string;
let dataDir: string;
let server: RunningPostgres | undefined;
const start = async (): Promise<RunningPostgres> => {
  server = await startPostgres({ dataDir });
  return server;
};
beforeEach(async () => {
  parent = await temporaryFolder();
  dataDir = join(parent, 'data');
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await rm(parent, { recursive: true, force: true });
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', () => {
  test('keeps the disk’s promises and listens on the loopback only', async () => {
    const { url, pid } = await start();
    const settings = `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
      current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS sockets,
      current_setting('data_checksums') AS checksums, current_setting('server_encoding') AS encoding,
      current_database() AS database`;
    expect(await query(url, settings)).toEqual([
      {
        fsync: 'on',
        commit: 'on',
        listen: '127.0.0.1',
        sockets: '',
        checksums: 'on',
        encoding: 'UTF8',
        database: 'cairn',
      },
    ]);
    expect((await stat(join(dataDir, 'run/postgres-password'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'postgres'))).mode & 0o777).toBe(0o700);
    expect((await stat(dataDir)).mode & 0o007).toBe(0);
    expect(await runningPostgresUrl(dataDir)).toBe(url);
    await server?.stop();
    await server?.exited;
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(await runningPostgresUrl(dataDir)).toBeUndefined();
  });

  test('refuses a wrong password', async () => {
    const url = new URL((await start()).url);
    url.password = 'wrong';
    await expect(query(url.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
  });

  test('takes over the server that a killed process left, and stops it', async () => {
    const root = new URL('../..', import.meta.url).pathname;
    const script = `import { startPostgres } from '#platform/postgres/start-postgres';
      const server = await startPostgres({ dataDir: process.argv[1] });
      console.log(server.pid);
      setInterval(() => {}, 1e6);`;
    const args = ['--conditions=source', '--input-type=module-typescript', '-e', script, dataDir];
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { pid, adopted, url } = await start();
    expect({ pid, adopted }).toEqual({ pid: Number(line.toString()), adopted: true });
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await server?.stop();
    expect(await waitForExit(pid, 0)).toBe(true);
  });

  test('comes back with every commit after kill -9, again and again', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { url, pid } = await start();
      await query(url, 'CREATE TABLE IF NOT EXISTS kept (round int)');
      await query(url, `INSERT INTO kept VALUES (${round})`);
      process.kill(pid, 'SIGKILL');
    }
    const { url } = await start();
    expect(await query(url, 'SELECT count(*)::int AS rounds FROM kept')).toEqual([{ rounds: 5 }]);
  });

  test('is not misled by a pid file whose number went to another process', async () => {
    const first = await start();
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    const path = join(dataDir, 'postgres/postmaster.pid');
    const lines = (await readFile(path, 'utf8')).split('\n');
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    const { uid, gid } = await stat(path);
    await writeFile(path, [stranger.pid, ...lines.slice(1)].join('\n'));
    await chown(path, uid, gid);
    const { adopted } = await start();
    expect(adopted).toBe(false);
    expect(stranger.exitCode).toBeNull();
    stranger.kill();
  });

  test('gets a new password when the file is lost, stopped or running', async () => {
    const first = await start();
    await first.stop();
    await rm(join(dataDir, 'run'), { recursive: true });
    const second = await start();
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await writeFile(join(dataDir, 'run/postgres-password'), 'of another backup\n');
    const third = await start();
    expect(third.pid).not.toBe(second.pid);
    expect(await query(third.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('begins again where a first start was killed in the middle', async () => {
    await mkdir(join(dataDir, 'postgres.new/cluster'), { recursive: true });
    await writeFile(join(dataDir, 'postgres.new/cluster/PG_VERSION'), '18\n');
    await chmod(join(dataDir, 'postgres.new'), 0o700);
    expect(await query((await start()).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('refuses a cluster of another PostgreSQL and leaves it alone', async () => {
    await mkdir(join(dataDir, 'postgres'), { recursive: true });
    await writeFile(join(dataDir, 'postgres/PG_VERSION'), '17\n');
    await expect(start()).rejects.toThrow('was made by PostgreSQL 17');
    expect(await readFile(join(dataDir, 'postgres/PG_VERSION'), 'utf8')).toBe('17\n');
  });

  test('says why the server did not start', async () => {
    await expect(startPostgres({ dataDir, settings: { shared_buffers: 'plenty' } })).rejects.toThrow(
      'invalid value for parameter "shared_buffers"',
    );
  });
});
