import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ROOT, waitFor } from './bootstrap.mjs';
import { NOTHING_RUN, runTests } from './run-tests.mjs';

/** What runs again on the real services, beside the tests that are for them alone. */
const PROJECTS = ['services', 'integration', 'acceptance'];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const COMMAND = join(ROOT, 'infra/local/services.mjs');
const LOG_LINES = 40;

/**
 * Brings the real services up in a folder of their own, runs the tests on them, and takes them down again, also
 * after a failure or a signal. TEST_SERVICES, when it is set, names services that run already and stay. Services
 * that do not come up, or stay, count as one failure: nothing is skipped.
 */
export async function runOnRealServices(args) {
  if (process.env.TEST_SERVICES) return run(args, process.env.TEST_SERVICES);
  let stopped = false;
  const stop = () => (stopped = true);
  // Between two programs of ours nobody else hears of a signal, and the servers would stay.
  for (const signal of SIGNALS) process.on(signal, stop);
  await services('sweep');
  // The pid tells the next sweep whether we live.
  const state = mkdtempSync(join(tmpdir(), `cairn-real-services-${process.pid}-`));
  // Servers that do not run as root must get in.
  chmodSync(state, 0o711);
  // A failure until the tests tell otherwise.
  let result = { ...NOTHING_RUN, failures: ['the real services did not come up'] };
  try {
    const isUp = !stopped && (await services('up', '--state', state, '--shared-cache'));
    if (isUp && !stopped) result = await run(args, join(state, 'services.json'));
  } finally {
    const isDown = await takeDown(state);
    if (result.failures.length > 0 && !stopped) printLogs(state);
    if (isDown) rmSync(state, { recursive: true, force: true, maxRetries: 10 });
    else result = { ...result, failures: [...result.failures, `the real services stay: ${state}`] };
    for (const signal of SIGNALS) process.off(signal, stop);
  }
  return result;
}

function run(args, path) {
  const chosen = args.includes('--project') ? [] : PROJECTS.flatMap((project) => ['--project', project]);
  return runTests([...chosen, ...args], { TEST_SERVICES: path });
}

async function takeDown(state) {
  return (await services('down', '--state', state)) || services('down', '--state', state);
}

/** A group of its own while it takes down: neither the terminal's signals nor ours reach it, it comes to its end. */
async function services(command, ...more) {
  const detached = command !== 'up';
  const child = spawn(process.execPath, [COMMAND, command, ...more], { stdio: 'inherit', detached });
  return (await (detached ? exitCode(child) : waitFor(child))) === 0;
}

function exitCode(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
}

/** Their folder goes with them; what they said last may tell why a run failed. */
function printLogs(state) {
  for (const name of readdirSync(state)) {
    const path = join(state, name, 'log');
    if (!existsSync(path)) continue;
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LOG_LINES);
    process.stderr.write(`\nThe last lines of ${name}:\n${lines.join('\n')}\n`);
  }
}
