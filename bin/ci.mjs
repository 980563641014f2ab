#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { bootstrap, ROOT, runMain, waitFor } from './bootstrap.mjs';
import { runOnRealServices } from './real-services.mjs';
import { closing, NOTHING_RUN, runTests } from './run-tests.mjs';

/** The parts of `npm run check`, each counted as one. */
function checks() {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return scripts.check.split('&&').map((part) => part.trim());
}

async function runChecks() {
  let result = NOTHING_RUN;
  for (const command of checks()) {
    const isFine = await passes(command);
    const outcome = isFine ? { passed: 1 } : { failures: [command] };
    result = sum(result, { ...NOTHING_RUN, ...outcome });
  }
  return result;
}

function sum(one, other) {
  return {
    passed: one.passed + other.passed,
    skipped: one.skipped + other.skipped,
    failures: [...one.failures, ...other.failures],
  };
}

async function passes(command) {
  process.stdout.write(`\n> ${command}\n`);
  const PATH = `${join(ROOT, 'node_modules/.bin')}${delimiter}${process.env.PATH}`;
  const code = await waitFor(
    spawn(command, { cwd: ROOT, shell: true, stdio: 'inherit', env: { ...process.env, PATH } }),
  );
  return code === 0;
}

await runMain(async () => {
  if (!(await bootstrap(fileURLToPath(import.meta.url)))) return;
  let signal;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => (signal = name));
  let result = NOTHING_RUN;
  // The embedded half stays on the embedded services, whatever our environment says.
  const onEmbedded = () => runTests([], { TEST_SERVICES: '' });
  for (const part of [onEmbedded, () => runOnRealServices([]), runChecks]) {
    // A part that a signal ended has failed; those after it are not begun.
    if (signal === undefined) result = sum(result, await part());
  }
  process.stdout.write(`\n${closing(result)}\n`);
  if (result.failures.length > 0) process.exitCode = 1;
});
