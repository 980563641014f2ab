import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

import { ROOT, waitFor } from './bootstrap.mjs';
import { runTests } from './run-tests.mjs';

/** What runs again on the real services, beside the tests that are for them alone. */
const PROJECTS = ['services', 'integration', 'acceptance'];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const COMMAND = join(ROOT, 'infra/local/services.mjs');

/**
 * Brings the real services up in a folder of their own, runs the tests on them, and takes them down again, also
 * after a failure or a signal. TEST_SERVICES, when it is set, names services that run already and stay. Services
 * that do not come up count as one failure: nothing is skipped.
 */
export async function runOnRealServices(args) {
  if (process.env.TEST_SERVICES) return run(args, process.env.TEST_SERVICES);
  let stopped = false;
  const stop = () => (stopped = true);
  // Between two programs of ours nobody else hears of a signal, and the servers would stay.
  for (const signal of SIGNALS) process.on(signal, stop);
  const state = mkdtempSync(join(tmpdir(), 'cairn-real-services-'));
  // Servers that do not run as root must get in.
  chmodSync(state, 0o711);
  try {
    if (!(await services('up', state)) || stopped) return { passed: 0, failed: 1, skipped: 0 };
    return await run(args, join(state, 'services.json'));
  } finally {
    if (await services('down', state)) rmSync(state, { recursive: true, force: true, maxRetries: 10 });
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}

function run(args, path) {
  const chosen = args.includes('--project') ? [] : PROJECTS.flatMap((project) => ['--project', project]);
  return runTests([...chosen, ...args], { TEST_SERVICES: path });
}

async function services(command, state) {
  const args = [COMMAND, command, '--state', state, '--cache', cacheFolder()];
  return (await waitFor(spawn(process.execPath, args, { stdio: 'inherit' }))) === 0;
}

/** Programs that were fetched once are kept for the next run. Root's must be open to the servers' user. */
function cacheFolder() {
  const { SERVICES_CACHE, XDG_CACHE_HOME } = process.env;
  if (SERVICES_CACHE) return SERVICES_CACHE;
  if (process.getuid?.() === 0) return '/var/cache/cairn-services';
  return join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'cairn-services');
}
