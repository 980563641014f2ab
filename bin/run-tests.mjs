import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ROOT, waitFor } from './bootstrap.mjs';

const PROJECTS = ['unit', 'integration', 'acceptance'];

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
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function count(report, code) {
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  const failed = report.numFailedTests + broken.length;
  return {
    passed: report.numPassedTests,
    // Errors outside of any test (an unhandled rejection, a set-up that failed) show in the exit code only.
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
