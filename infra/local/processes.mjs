import { execFileSync, spawn } from 'node:child_process';
import { closeSync, fchownSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { readJson, writePrivateNow } from './files.mjs';
import { ServicesError } from './programs.mjs';

/** Starts a server that outlives us, its output in a log, and notes which process it is. */
export async function startProcess({ state, user }, name, { program, args, env = {}, cwd }) {
  const log = openSync(logOf(state, name), 'w', 0o600);
  if (user !== undefined) fchownSync(log, user.uid, user.gid);
  const child = spawn(program, args, {
    ...user,
    cwd: cwd ?? join(state, name),
    // Nothing of our environment that could change a server's ways.
    env: { LC_ALL: 'C.UTF-8', TZ: 'UTC', PATH: '/usr/bin:/bin', HOME: join(state, name), ...env },
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  // At once: a signal between the start and the record would leave a server that `down` does not know.
  if (child.pid !== undefined)
    writePrivateNow(recordOf(state, name), { pid: child.pid, started: startOf(child.pid) });
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new ServicesError(`${program} does not start: ${error.message}`)));
  });
  child.unref();
  return child.pid;
}

export function logOf(state, name) {
  return join(state, name, 'log');
}

/** The pid of the process that we started, while it is still that process. */
export function runningPid(state, name) {
  const record = readJson(recordOf(state, name));
  if (record === undefined || !isAlive(record.pid)) return undefined;
  return startOf(record.pid) === record.started ? record.pid : undefined;
}

/** Stops it by the signals in turn, each with ten seconds, and forgets it. Answers whether there was one. */
export async function stopProcess(state, name, signals) {
  const pid = runningPid(state, name);
  for (const signal of [...signals, 'SIGKILL']) {
    if (runningPid(state, name) === undefined) break;
    signalTo(pid, signal);
    const deadline = Date.now() + 10_000;
    while (runningPid(state, name) !== undefined && Date.now() < deadline) await delay(20);
  }
  await rm(recordOf(state, name), { force: true });
  return pid !== undefined;
}

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return startOf(pid) !== undefined;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The command line of a process; empty when there is none. */
export function commandOf(pid) {
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    }
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // No such process (any more).
    return '';
  }
}

function signalTo(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function recordOf(state, name) {
  return join(state, `${name}.process.json`);
}

/** When the process began: with its pid it names one process for good. undefined = it has ended. */
function startOf(pid) {
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    }
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc(5): the command's name stands in brackets and may hold blanks; then state is field 3, starttime field 22.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    // No such process (any more).
    return undefined;
  }
}
