import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { examineTls } from '#cli/doctor/tls';
import { loadConfig } from '#platform/config';
import { selfSigned } from '#test/self-signed';

const BEGIN = Date.UTC(2026, 0, 1);
const END = Date.UTC(2026, 3, 1);
const DAY = 86_400_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-tls-'));
  for (const name of ['one', 'other']) {
    const { cert, key } = selfSigned(new Date(BEGIN), new Date(END));
    await writeFile(join(folder, `${name}.cert`), cert);
    await writeFile(join(folder, `${name}.key`), key);
  }
});
afterAll(() => rm(folder, { recursive: true }));

async function stateOf(cert: string, key: string, now: number): Promise<readonly string[]> {
  const config = loadConfig({ CAIRN_TLS_CERT: join(folder, cert), CAIRN_TLS_KEY: join(folder, key) });
  return (await examineTls(config, now)).map(({ state }) => state);
}

test.each([
  ['in its time', BEGIN + DAY, 'ok'],
  ['near its end', END - DAY, 'warning'],
  ['past its end', END, 'trouble'],
  ['before its beginning', BEGIN - DAY, 'trouble'],
])('a certificate %s', async (_when, now, state) => {
  expect(await stateOf('one.cert', 'one.key', now)).toEqual([state]);
});

test('files that are missing, are none, or do not belong together', async () => {
  await writeFile(join(folder, 'no.cert'), 'hello');
  expect(await stateOf('missing.cert', 'one.key', BEGIN)).toEqual(['trouble']);
  expect(await stateOf('no.cert', 'one.key', BEGIN)).toEqual(['trouble']);
  expect(await stateOf('one.cert', 'other.key', BEGIN + DAY)).toEqual(['trouble']);
});

test('without TLS there is nothing to say', async () => {
  expect(await examineTls(loadConfig({}))).toEqual([]);
});
