import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

import { ROOT, waitFor } from './bootstrap.mjs';

const PROJECTS = ['unit', 'integration', 'acceptance'];

/** Nothing has run yet. `failures` names what failed, a line each. */
export const NOTHING_RUN = Object.freeze({ passed: 0, skipped: 0, failures: [] });

/** Runs vitest, with `environment` over ours, and counts. A file that cannot even be loaded counts as one failure. */
export async function runTests(args, environment = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-report-'));
  const report = join(folder, 'report.json');
  const chosen = args.includes('--project') ? [] : PROJECTS.flatMap((project) => ['--project', project]);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', ...chosen, ...reporters, ...args], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  const code = await waitFor(child);
  try {
    return count(JSON.parse(readFileSync(report, 'utf8')), code);
  } catch {
    // No report: vitest itself broke down, and has said how.
    return { ...NOTHING_RUN, failures: ['vitest gave no report'] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a report of vitest’s json reporter and its exit code say. */
export function count(report, code) {
  const failures = report.testResults.flatMap(failuresOf);
  // Errors outside of any test (an unhandled rejection, a set-up that failed) show in the exit code only.
  if (failures.length === 0 && code !== 0) failures.push('an error outside of any test, printed above');
  return {
    passed: report.numPassedTests,
    skipped: report.numPendingTests + report.numTodoTests,
    failures,
  };
}

function failuresOf({ name, status, message, assertionResults }) {
  const file = relative(ROOT, name);
  const failed = assertionResults.filter((test) => test.status === 'failed');
  if (failed.length === 0) return status === 'failed' ? [`${file}: ${firstLine(message)}`] : [];
  return failed.map((test) => `${file} > ${test.fullName}: ${firstLine(test.failureMessages[0])}`);
}

function firstLine(text = '') {
  return text.split('\n', 1)[0];
}

/** What failed, by name, and as the last line how many passed: what a reader of a long log looks for is at its end. */
export function closing(result) {
  return [...result.failures.map((failure) => `FAILED ${failure}`), closingLine(result)].join('\n');
}

function closingLine({ passed, skipped, failures }) {
  return `${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
