import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const MODULE = new URL('run-tests.mjs', import.meta.url).href;
const SCRIPT = `import { closing, count } from ${JSON.stringify(MODULE)};
process.stdout.write(closing(count(JSON.parse(process.argv[1]), Number(process.argv[2]))));`;

/** What is written at the end of a run with this report of vitest’s. */
async function closing(testResults: readonly object[], code: number): Promise<string> {
  const report = JSON.stringify({ numPassedTests: 3, numPendingTests: 0, numTodoTests: 0, testResults });
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--eval',
    SCRIPT,
    report,
    String(code),
  ]);
  return stdout;
}

const name = join(process.cwd(), 'journal/seal.int.test.ts');

test('a run without failures ends with how many passed', async () => {
  expect(await closing([{ name, status: 'passed', assertionResults: [] }], 0)).toBe('3 passed, 0 failed');
});

test('every failed test is named before the last line, with the first line of its reason', async () => {
  const failed = { status: 'failed', fullName: 'the sealer seals', failureMessages: ['Error: no\n    at x'] };
  const passed = { status: 'passed', fullName: 'the sealer rests', failureMessages: [] };
  expect(await closing([{ name, status: 'failed', assertionResults: [failed, passed] }], 1)).toBe(
    'FAILED journal/seal.int.test.ts > the sealer seals: Error: no\n3 passed, 1 failed',
  );
});

test('a file that does not load is named, and an error outside of any test counts', async () => {
  const broken = { name, status: 'failed', message: 'SyntaxError: x\ny', assertionResults: [] };
  expect(await closing([broken], 1)).toBe(
    'FAILED journal/seal.int.test.ts: SyntaxError: x\n3 passed, 1 failed',
  );
  expect(await closing([], 1)).toBe('FAILED an error outside of any test, printed above\n3 passed, 1 failed');
});
