#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { bootstrap, ROOT, runMain, waitFor } from './bootstrap.mjs';
import { runOnRealServices } from './real-services.mjs';
import { closingLine, runTests } from './run-tests.mjs';

/** The parts of `npm run check`, each counted as one. */
function checks() {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return scripts.check.split('&&').map((part) => part.trim());
}

async function runChecks() {
  const result = { passed: 0, failed: 0, skipped: 0 };
  for (const command of checks()) result[(await passes(command)) ? 'passed' : 'failed'] += 1;
  return result;
}

function add(sum, part) {
  for (const [outcome, count] of Object.entries(part)) sum[outcome] += count;
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
  const result = { passed: 0, failed: 0, skipped: 0 };
  // The embedded half stays on the embedded services, whatever our environment says.
  const onEmbedded = () => runTests([], { TEST_SERVICES: '' });
  for (const part of [onEmbedded, () => runOnRealServices([]), runChecks]) {
    // A part that a signal ended has failed; those after it are not begun.
    if (signal === undefined) add(result, await part());
  }
  process.stdout.write(`\n${closingLine(result)}\n`);
  if (result.failed > 0) process.exitCode = 1;
});
