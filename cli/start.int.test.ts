import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { readProfile } from '#cli/profile';
import { isAlive, readPostmaster, waitForExit } from '#platform/postgres/postmaster';
import { temporaryFolder } from '#test/harness';

const ROOT = new URL('..', import.meta.url).pathname;
const KEY = 'cairn_abc_0123456789';
let parent: string;
let dataDir: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  parent = await temporaryFolder();
  dataDir = join(parent, 'data');
});
afterEach(async () => {
  for (const child of started.splice(0)) if (isRunning(child)) await end(child, 'SIGTERM');
  const left = await readPostmaster(join(dataDir, 'postgres'));
  if (left !== undefined && isAlive(left.pid)) process.kill(left.pid, 'SIGQUIT');
  await rm(parent, { recursive: true, force: true });
});

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
  return child.exitCode;
}

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
}

function launch(key = ''): Started {
  const script = join(ROOT, 'test/children/start.ts');
  const args = ['--conditions=source', script, dataDir, join(parent, 'profile')];
  const env = { ...process.env, TEST_KEY: key };
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  return { child, output: () => output };
}

async function until<T>(found: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await found();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function start(key?: string): Promise<Started & { readonly url: string }> {
  const one = launch(key);
  const url = await until(async () => {
    if (!isRunning(one.child)) throw new Error(`it ended: ${one.output()}`);
    return /Ctrl-C stops it/.test(one.output())
      ? /GraphQL +(\S+)\/graphql/.exec(one.output())?.[1]
      : undefined;
  });
  return { ...one, url };
}

const ask = async (url: string): Promise<{ pid: number; postgres: string }> =>
  (await (await fetch(url)).json()) as { pid: number; postgres: string };

const pids = async (): Promise<Record<string, number>> => {
  const postmaster = await readPostmaster(join(dataDir, 'postgres'));
  const processes = JSON.parse(await readFile(join(dataDir, 'run/processes.json'), 'utf8')) as object;
  return { ...processes, postgres: postmaster?.pid ?? 0 };
};

const trace = async (): Promise<string[]> =>
  (await readFile(join(dataDir, 'run/trace'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.replace(/ \d+$/, ''));

describe('cairn start', () => {
  test('shows the key of the first start once and leaves it in a profile of mode 0600', async () => {
    const first = await start(KEY);
    expect(first.output().match(new RegExp(KEY, 'g'))).toHaveLength(1);
    expect(first.output()).toContain(join(dataDir, 'master.key'));
    expect(readProfile(join(parent, 'profile'))).toMatchObject({ apiKey: KEY, url: first.url });
    expect((await stat(join(parent, 'profile/profile.json'))).mode & 0o777).toBe(0o600);
    await end(first.child, 'SIGTERM');
    const second = await start();
    expect(second.output()).not.toContain(KEY);
    expect(readProfile(join(parent, 'profile'))).toMatchObject({ apiKey: KEY, url: second.url });
  });

  test('Ctrl-C stops all in order and leaves no process', async () => {
    const { child } = await start();
    const running = await pids();
    expect(await end(child, 'SIGINT')).toBe(0);
    expect((await trace()).slice(-2)).toEqual(['api ends by SIGTERM', 'worker ends by SIGTERM']);
    for (const pid of Object.values(running)) expect(isAlive(pid)).toBe(false);
  });

  test('Ctrl-C in the middle of a start leaves no process', async () => {
    const one = launch();
    await until(async () => readPostmaster(join(dataDir, 'postgres')));
    const { pid } = (await readPostmaster(join(dataDir, 'postgres'))) ?? { pid: 0 };
    await end(one.child, 'SIGINT');
    expect(isAlive(pid)).toBe(false);
    const again = await start();
    expect((await ask(again.url)).pid).toBeGreaterThan(0);
  });

  test('a second start on the same folder names the process that holds it', async () => {
    const first = await start();
    const second = launch();
    await once(second.child, 'close');
    expect(second.child.exitCode).not.toBe(0);
    expect(second.output()).toContain(`in use by process ${first.child.pid}`);
    expect((await ask(first.url)).pid).toBeGreaterThan(0);
  });

  test('a process that dies is begun again at the same address', async () => {
    const { url } = await start();
    const before = await ask(url);
    process.kill(before.pid, 'SIGKILL');
    const after = await until(() => ask(url).catch(() => undefined));
    expect(after.pid).not.toBe(before.pid);
    await fetch(`${url}/exit`).catch(() => undefined);
    expect((await until(() => ask(url).catch(() => undefined))).pid).not.toBe(after.pid);
  });

  test('PostgreSQL that dies is begun again where the others look for it', async () => {
    const { url } = await start();
    const before = await pids();
    const { postgres } = await ask(url);
    process.kill(before['postgres'] ?? 0, 'SIGKILL');
    await until(async () => {
      const found = await readPostmaster(join(dataDir, 'postgres'));
      return found !== undefined && found.pid !== before['postgres'] ? found : undefined;
    });
    const now = await readPostmaster(join(dataDir, 'postgres'));
    expect(now?.port).toBe(Number(new URL(postgres).port));
    expect((await ask(url)).pid).toBe(before['api']);
  });

  test.each([
    ['the supervisor', ['supervisor']],
    ['api and worker', ['supervisor', 'api', 'worker']],
    ['everything', ['supervisor', 'api', 'worker', 'postgres']],
    ['all but PostgreSQL, and what is left ends by itself', ['supervisor', 'api']],
  ])('after kill -9 of %s the next start recovers', async (_, victims) => {
    const { child } = await start();
    const running: Record<string, number> = { ...(await pids()), supervisor: child.pid ?? 0 };
    for (const [name, pid] of Object.entries(running))
      if (victims.includes(name)) process.kill(pid, 'SIGKILL');
    const again = await start();
    expect((await ask(again.url)).pid).not.toBe(running['api']);
    for (const name of ['api', 'worker']) expect(await waitForExit(running[name] ?? 0, 0)).toBe(true);
    expect(await end(again.child, 'SIGTERM')).toBe(0);
  });
});
