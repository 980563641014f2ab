import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { graphql, postEvents, settled } from '#test/acceptance/client';
import { cairn, startPlatform, temporaryFolder, type Platform } from '#test/acceptance/platform';

const ONE = '111122223333';
const TWO = '444455556666';
const COUNT = 3_000;
const FORMULA = '=cmd|calc';
/** Beside these the platform tells of itself: its own start, keys, and these exports. */
const SENT = 'eventSource=s3.amazonaws.com';

let folder: string;
let platform: Platform;
let env: Record<string, string>;
const raws: string[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  platform = await startPlatform({ dataDir: join(folder, 'data') });
  env = { CAIRN_URL: platform.url, CAIRN_API_KEY: platform.apiKey };
  for (let n = 0; n < COUNT; n++) raws.push(record(n, n % 3 === 0 ? TWO : ONE));
  const answer = await postEvents(platform, raws.join('\n'), '?import=export');
  expect(await answer.json()).toMatchObject({ recorded: COUNT });
  await settled(platform);
});
afterAll(async () => {
  await platform.stop();
  await rm(folder, { recursive: true, force: true });
});

it('takes a file along with a statement that anyone with the key can check', async () => {
  const file = join(folder, 'all.ndjson.gz');
  const flags = ['--format', 'ndjson', '--compression', 'gzip', '--oldest', '--filter', SENT, '--out', file];
  const done = await cairn(['export', ...flags, '-o', 'json'], env);
  expect(done).toMatchObject({ code: 0, stderr: '' });
  const bytes = await readFile(file);
  expect(JSON.parse(done.stdout)).toMatchObject({ file, rows: COUNT, bytes: bytes.length });
  expect(gunzipSync(bytes).toString().trimEnd().split('\n')).toEqual(raws);

  const { publicKeys } = await graphql<{ publicKeys: { vkey: string }[] }>(
    platform,
    '{ publicKeys { vkey } }',
  );
  const key = publicKeys[0]?.vkey ?? '';
  const verify = (name: string) => cairn(['export', 'verify', name, `${file}.statement`, '--key', key]);
  const verified = await verify(file);
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining(`${COUNT} events`) });
  await writeFile(join(folder, 'changed'), bytes.subarray(1));
  expect(await verify(join(folder, 'changed'))).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('NOT'),
  });
  const statement = await readFile(`${file}.statement`, 'utf8');
  await writeFile(`${file}.statement`, statement.replace(`"rows": ${COUNT}`, '"rows": 1'));
  expect(await verify(file)).toMatchObject({ code: 1, stdout: expect.stringContaining('not signed') });
  // Nothing is written over.
  expect(await cairn(['export', '--out', file], env)).toMatchObject({ code: 2 });
});

it('writes the columns that were chosen, of the events that were asked for, and runs no formulas', async () => {
  const file = join(folder, 'some.csv');
  const filter = `account=${TWO} and eventName=GetObject`;
  const flags = ['--filter', filter, '--columns', 'eventId, userAgent', '--oldest', '--out', file];
  expect(await cairn(['export', ...flags], env)).toMatchObject({ code: 0 });
  const lines = (await readFile(file, 'utf8')).split('\r\n');
  expect(lines).toHaveLength(COUNT / 3 + 2);
  expect(lines.slice(0, 2)).toEqual(['eventId,userAgent', `export-0,'${FORMULA}`]);
});

it('is for auditors within their accounts, for links without a key, and not for keys that only record', async () => {
  const auditor = await createKey({ role: 'AUDITOR', accounts: [ONE] });
  const ingest = await createKey({ role: 'INGEST', allAccounts: true });
  const file = join(folder, 'audit.json');
  const asked = ['export', '--format', 'cloudtrail', '--filter', SENT, '--out', file];
  expect(await cairn(asked, { ...env, CAIRN_API_KEY: ingest.secret })).toMatchObject({ code: 2 });
  expect(await cairn(asked, { ...env, CAIRN_API_KEY: auditor.secret })).toMatchObject({ code: 0 });
  const { Records: records } = JSON.parse(await readFile(file, 'utf8')) as {
    Records: { recipientAccountId: string }[];
  };
  expect(new Set(records.map((one) => one.recipientAccountId))).toEqual(new Set([ONE]));
  expect(records).toHaveLength((COUNT * 2) / 3);

  const { exports } = await graphql<{
    exports: { edges: { node: { id: string; link: { path: string } } }[] };
  }>(
    { url: platform.url, apiKey: auditor.secret },
    '{ exports(first: 1) { edges { node { id link { path } } } } }',
  );
  const { id, link } = exports.edges[0]?.node ?? { id: '', link: { path: '' } };
  const response = await fetch(platform.url + link.path, { headers: { range: 'bytes=0-1' } });
  expect([response.status, await response.text()]).toEqual([206, '{"']);
  await graphql(platform, 'mutation ($id: ID!) { revokeApiKey(id: $id) { userErrors { code } } }', {
    id: auditor.id,
  });
  const refused = await fetch(platform.url + link.path);
  expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'FORBIDDEN' } }]);
  await graphql(platform, 'mutation ($id: ID!) { deleteExport(id: $id) }', { id });
  expect(await graphql(platform, 'query ($id: ID!) { export(id: $id) { id } }', { id })).toEqual({
    export: null,
  });
  expect(platform.output()).not.toContain('token=');
});

it('goes on after the platform was killed', async () => {
  const { startExport } = await graphql<{ startExport: { id: string } }>(
    platform,
    `
      mutation {
        startExport(
          input: {
            format: NDJSON
            orderBy: EVENT_TIME_ASC
            filter: { eventSource: { equals: "s3.amazonaws.com" } }
          }
        ) {
          id
        }
      }
    `,
  );
  await platform.stop('SIGKILL');
  platform = await startPlatform({ dataDir: platform.dataDir, apiKey: platform.apiKey });
  env = { ...env, CAIRN_URL: platform.url };
  const file = join(folder, 'after.ndjson');
  expect(await cairn(['export', '--id', startExport.id, '--out', file], env)).toMatchObject({ code: 0 });
  expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toEqual(raws);
});

it('shows administrators the runs of its jobs', async () => {
  const listed = await cairn(['jobs', '--name', 'exportEvents', '--state', 'succeeded', '-o', 'json'], env);
  expect(listed.code).toBe(0);
  const runs = listed.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { progress: object });
  expect(runs.length).toBeGreaterThan(2);
  expect(runs[0]?.progress).toEqual({ done: COUNT, total: COUNT });
  expect(await cairn(['jobs', 'retry', 'nobody'], env)).toMatchObject({ code: 1 });
  expect((await cairn(['jobs', '--name', 'tendExports'], env)).stdout).toContain('every 30 s');
});

async function createKey(input: object): Promise<{ id: string; secret: string }> {
  const { createApiKey } = await graphql<{ createApiKey: { secret: string; apiKey: { id: string } } }>(
    platform,
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret apiKey { id } } }',
    { input: { name: 'export', ...input } },
  );
  return { id: createApiKey.apiKey.id, secret: createApiKey.secret };
}

function record(n: number, account: string): string {
  return JSON.stringify({
    eventVersion: '1.11',
    eventID: `export-${n}`,
    eventTime: new Date(Date.UTC(2026, 9, 1) + n * 1_000).toISOString().replace('.000Z', 'Z'),
    eventSource: 's3.amazonaws.com',
    eventName: 'GetObject',
    awsRegion: 'eu-central-1',
    sourceIPAddress: '192.0.2.7',
    userAgent: FORMULA,
    eventType: 'AwsApiCall',
    eventCategory: 'Management',
    recipientAccountId: account,
    userIdentity: { type: 'IAMUser', accountId: account, userName: 'alice' },
    requestParameters: { key: 'x'.repeat(500) },
    responseElements: null,
  });
}
