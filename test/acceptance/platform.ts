import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { serviceVariables } from '#test/acceptance/real-services';

const ROOT = new URL('../..', import.meta.url).pathname;

/** A product started as a user starts it, in a folder of its own, on free ports. */
export interface Platform extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  readonly dataDir: string;
  /** Everything that the supervisor printed so far. */
  output(): string;
  readonly process: ChildProcess;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

interface StartOptions {
  readonly dataDir?: string;
  readonly apiKey?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A folder that PostgreSQL's unprivileged user can reach too; removed by the caller. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-acceptance-'));
  await chmod(folder, 0o711);
  return folder;
}

export function runCairn(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, [join(ROOT, 'bin/cairn.mjs'), ...args], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: '1', CAIRN_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** What bin/bootstrap.mjs says when sources changed; not the command's own. */
const BOOTSTRAP_LINES = /^cairn: (?:installing|installed|using|building|built) .*\n/gm;

/** Runs a command to its end; on the real services, when the tests run there and it names a data folder. */
export async function cairn(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const dataDir = args[args.indexOf('--data') + 1];
  const found = args.includes('--data') && dataDir !== undefined ? await serviceVariables(dataDir) : {};
  const child = runCairn(args, { ...found, ...env });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr: stderr.replaceAll(BOOTSTRAP_LINES, '') };
}

export async function startPlatform(options: StartOptions = {}): Promise<Platform> {
  const dataDir = options.dataDir ?? join(await temporaryFolder(), 'data');
  const child = runCairn(['start', '--data', dataDir, ...(options.args ?? [])], {
    XDG_CONFIG_HOME: join(dataDir, '..', 'config'),
    ...(await serviceVariables(dataDir)),
    ...options.env,
  });
  let output = '';
  const ready = new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      if (/Ready/i.test(output) && /https?:\/\/[^\s]+\/graphql/.test(output)) resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', (code) => reject(new Error(`cairn start ended with ${code}:\n${output}`)));
  });
  await ready;
  const stop = async (signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
    return child.exitCode;
  };
  return {
    url: /(https?:\/\/[^\s/]+)\/graphql/.exec(output)?.[1] ?? '',
    apiKey: options.apiKey ?? /cairn_[A-Za-z0-9]+_[A-Za-z0-9-]+/.exec(output)?.[0] ?? '',
    dataDir,
    output: () => output,
    process: child,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      if (options.dataDir === undefined) await rm(join(dataDir, '..'), { recursive: true, force: true });
    },
  };
}
