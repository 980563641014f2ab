import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';

import { createLog } from '#platform/log';
import { runInRequest } from '#platform/request-context';

function logInto(lines: string[], level = 'info') {
  return createLog({ level, name: 'api', stream: { write: (line: string) => void lines.push(line) } });
}

test('a line is JSON with time, level, process and the request that it belongs to', async () => {
  const lines: string[] = [];
  const log = logInto(lines);
  await runInRequest({ requestId: 'r-1' }, async () => {
    await Promise.resolve();
    log.info({ events: 3 }, 'recorded');
  });
  log.warn('alone');
  log.debug('not at this level');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    {
      level: 'info',
      time: expect.any(String),
      process: 'api',
      pid: process.pid,
      requestId: 'r-1',
      events: 3,
      msg: 'recorded',
    },
    { level: 'warn', time: expect.any(String), process: 'api', pid: process.pid, msg: 'alone' },
  ]);
});

test('secrets and event contents do not reach a line, by field or by form', () => {
  const lines: string[] = [];
  const log = logInto(lines);
  const key = 'cairn_ab12CD_s3cretS3cret-s3_cret';
  log.info({
    headers: { authorization: `Bearer ${key}` },
    apiKey: key,
    input: { events: { eventData: 'x-ray' } },
  });
  log.error({ error: new Error(`no route to postgresql://cairn:hunter2@127.0.0.1:1/cairn for ${key}`) }, key);
  log.warn(
    { err: Object.assign(new Error('x'), { command: { name: 'auth', args: ['hunter2'] } }) },
    'refused',
  );
  log.warn('redis://:hunter2@127.0.0.1:1');
  const text = lines.join('');
  expect(text).not.toContain('s3cret');
  expect(text).not.toContain('hunter2');
  expect(text).toContain('redis://:[hidden]@127.0.0.1:1');
  expect(text).not.toContain('x-ray');
  expect(text).toContain('postgresql://cairn:[hidden]@127.0.0.1:1/cairn');
  expect(text).toContain('cairn_ab12CD_[hidden]');
});

test('errors keep their kind, message, stack and cause', () => {
  const lines: string[] = [];
  logInto(lines).error({ error: new TypeError('outer', { cause: new Error('inner') }) }, 'failed');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    error: {
      type: 'TypeError',
      message: expect.stringContaining('outer'),
      stack: expect.stringContaining('inner'),
    },
  });
});

test('a standard error that cannot be written does not end the process', () => {
  const program = `
    const { createLog } = await import('#platform/log');
    const log = createLog({ level: 'info', name: 'api' });
    log.info('one');
    log.info('two');
    console.log('alive');`;
  const readOnly = openSync('/dev/null', 'r');
  const { stdout } = spawnSync(
    process.execPath,
    ['--conditions=source', '--input-type=module', '--eval', program],
    { stdio: ['ignore', 'pipe', readOnly], encoding: 'utf8' },
  );
  closeSync(readOnly);
  expect(stdout).toBe('alive\n');
});
