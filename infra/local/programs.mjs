import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export const VERSIONS = JSON.parse(readFileSync(new URL('versions.json', import.meta.url), 'utf8'));

/** A reason that people can act on; everything else is a bug and keeps its stack. */
export class ServicesError extends Error {}

export function say(line) {
  process.stderr.write(`services: ${line}\n`);
}

export function isRoot() {
  return process.getuid?.() === 0;
}

/** The first program of that name in PATH and the further folders; undefined when there is none. */
export function findProgram(name, furtherFolders = []) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...furtherFolders];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there or not ours to run: both mean that it does not count.
    return false;
  }
}

/** The longest, Maven's 160 MB, takes two minutes on a slow line. */
const TIME_OUT_MS = 600_000;

/** Programs under way, which must not outlive us: they write into folders that are removed next. */
const running = new Set();
let ending = false;

/** Ends what `run` started, then us, when somebody ends us. Servers stay; `down` knows them. */
export function endTogether() {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]) {
    process.once(signal, async () => {
      ending = true;
      const ends = [...running].map((child) => new Promise((resolve) => child.once('close', resolve)));
      for (const child of running) child.kill('SIGTERM');
      await Promise.all(ends);
      process.exit(code);
    });
  }
}

/** As `run`, and once more when it fails or hangs: registries have bad moments. */
export async function download(program, args, options = {}) {
  try {
    return await run(program, args, options);
  } catch (error) {
    if (!(error instanceof ServicesError)) throw error;
    say(`${error.message}\nTrying once more.`);
    return run(program, args, options);
  }
}

/**
 * Runs a program to its end, for ten minutes at most, and returns what it printed.
 * @throws ServicesError with the end of its output
 */
export async function run(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  running.add(child);
  const timeOut = endAfter(child, TIME_OUT_MS);
  child.once('close', () => running.delete(child));
  let stdout = '';
  let tail = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    tail = (tail + chunk).slice(-3_000);
  });
  child.stderr.on('data', (chunk) => (tail = (tail + chunk).slice(-3_000)));
  const code = await new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new ServicesError(`${program} could not be run: ${error.message}`)),
    );
    child.once('close', (status, signal) => resolve(status ?? signal));
  }).finally(() => timeOut.cancel());
  // Whoever waits would take our own kill for the program's failure and go on with something else.
  if (ending) await new Promise(() => undefined);
  if (timeOut.passed()) {
    throw new ServicesError(
      `${program} ${args[0] ?? ''} took more than ${TIME_OUT_MS / 60_000} minutes:\n${tail.trim()}`,
    );
  }
  if (code !== 0) throw new ServicesError(`${program} ${args[0] ?? ''} ended with ${code}:\n${tail.trim()}`);
  return stdout;
}

/** SIGTERM, ten seconds later SIGKILL; its own children may hold the pipes open, and are not waited for. */
function endAfter(child, milliseconds) {
  let passed = false;
  let timer = setTimeout(() => {
    passed = true;
    child.kill('SIGTERM');
    timer = setTimeout(() => {
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
    }, 10_000);
  }, milliseconds);
  return { passed: () => passed, cancel: () => clearTimeout(timer) };
}

/** A folder of the cache that appears whole or not at all; two runs at once may both make it, one stays. */
export async function installedOnce(folder, fill) {
  if (existsSync(folder)) return folder;
  const staging = `${folder}.${randomBytes(6).toString('hex')}.tmp`;
  await mkdir(staging, { recursive: true, mode: 0o755 });
  try {
    await fill(staging);
    await rename(staging, folder);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    if (error.code !== 'EEXIST' && error.code !== 'ENOTEMPTY') throw error;
  }
  return folder;
}
