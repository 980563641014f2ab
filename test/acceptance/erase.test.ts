import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { graphql, postEvents, settled } from '#test/acceptance/client';
import { cairn, startPlatform, temporaryFolder, type Platform } from '#test/acceptance/platform';
import { tracesOf } from '#test/acceptance/traces';
import { sealed } from '#test/soak/examine';

const ERASED = '111122223333';
const NEIGHBOUR = '444455556666';
/** Nothing else on the disk has these; the second is a word of its own for the search. */
const MARKS = ['Marianne-Muster', 'zwiebelturm'];

let folder: string;
let platform: Platform;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await temporaryFolder();
  platform = await startPlatform({ dataDir: join(folder, 'data'), env: { CAIRN_SEAL_SECONDS: '1' } });
  env = { CAIRN_URL: platform.url, CAIRN_API_KEY: platform.apiKey };
});
afterAll(async () => {
  await platform.stop();
  await rm(folder, { recursive: true, force: true });
});

it('leaves nothing of an erased account, and its neighbour’s proof holds', async () => {
  const events = [
    ...Array.from({ length: 300 }, (_, index) => record(ERASED, index, MARKS.join(' '))),
    ...Array.from({ length: 300 }, (_, index) => record(NEIGHBOUR, index, 'somebody else')),
  ];
  const answer = await postEvents(platform, events.join('\n'), '?import=people');
  expect(await answer.json()).toMatchObject({ received: 600, recorded: 600 });
  await settled(platform);
  await sealed(platform);
  const kept = await find(platform, NEIGHBOUR, 'somebody');
  expect(await find(platform, ERASED, 'zwiebelturm')).toHaveLength(50);
  const id = kept[0] ?? '';
  const proof = join(folder, 'proof.json');
  const event = ['--data', platform.dataDir, '--account', NEIGHBOUR, '--event', id];
  expect((await cairn(['proof', ...event, '--out', proof])).code).toBe(0);
  const { publicKeys } = await graphql<{ publicKeys: { vkey: string }[] }>(
    platform,
    '{ publicKeys { vkey } }',
  );
  // History's index holds words as they are: the search below would find them.
  expect(await tracesOf(platform.dataDir, 'zwiebelturm')).not.toEqual([]);
  const [taken, other] = [await exportOf(ERASED), await exportOf(NEIGHBOUR)];
  const erased = await cairn(['erase', '--account', ERASED, '--yes'], env);
  expect(erased).toMatchObject({ code: 0, stderr: '' });

  expect(await find(platform, ERASED, 'zwiebelturm')).toEqual([]);
  expect(await exportState(taken)).toEqual({ state: 'ERASED', link: null });
  expect(await exportState(other)).toMatchObject({ state: 'SUCCEEDED' });
  expect(await namesWith(folder, taken)).toEqual([]);
  expect(await find(platform, NEIGHBOUR, 'somebody')).toEqual(kept);
  const again = await postEvents(platform, events[0] ?? '', '?import=people');
  expect(await again.json()).toMatchObject({ recorded: 0, refused: 1, refusals: [{ code: 'ERASED' }] });
  await sealed(platform);
  expect(await platform.stop()).toBe(0);

  const verified = await cairn(['verify', '--data', platform.dataDir]);
  expect(verified).toMatchObject({ code: 0 });
  expect(verified.stdout + verified.stderr).toMatch(/erased/i);
  const key = publicKeys[0]?.vkey ?? '';
  expect((await cairn(['verify-proof', proof, '--key', key])).code).toBe(0);
  expect((await cairn(['proof', ...event, '--out', proof])).code).toBe(0);
  expect((await cairn(['verify-proof', proof, '--key', key])).code).toBe(0);
  for (const mark of MARKS) expect(await tracesOf(platform.dataDir, mark)).toEqual([]);
});

/** Takes the account's events along; gives the export's id. */
async function exportOf(account: string): Promise<string> {
  const file = join(folder, `${account}.ndjson`);
  const flags = ['--filter', `account=${account}`, '--format', 'ndjson', '--out', file, '-o', 'json'];
  const { stdout } = await cairn(['export', ...flags], env);
  expect((await readFile(file, 'utf8')).includes('zwiebelturm')).toBe(account === ERASED);
  // What people have taken along is theirs.
  await rm(file);
  return (JSON.parse(stdout) as { id: string }).id;
}

async function exportState(id: string): Promise<unknown> {
  const query = 'query ($id: ID!) { export(id: $id) { state link { path } } }';
  return (await graphql<{ export: unknown }>(platform, query, { id })).export;
}

/** Files below the folder that are called so, or lie in one that is. */
async function namesWith(root: string, text: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return paths.filter((path) => path.includes(text) && !path.endsWith('.statement'));
}

function record(account: string, index: number, words: string): string {
  return JSON.stringify({
    eventVersion: '1.11',
    eventID: `${account.slice(0, 8)}-0000-4000-8000-${String(index).padStart(12, '0')}`,
    eventTime: new Date(Date.UTC(2026, 9, 1 + (index % 28), 12)).toISOString().replace('.000Z', 'Z'),
    eventSource: 's3.amazonaws.com',
    eventName: 'GetObject',
    awsRegion: 'eu-central-1',
    sourceIPAddress: '192.0.2.7',
    userAgent: words,
    eventType: 'AwsApiCall',
    eventCategory: 'Management',
    managementEvent: true,
    readOnly: true,
    recipientAccountId: account,
    requestID: `REQUEST${index}`,
    userIdentity: { type: 'IAMUser', accountId: account, userName: words, principalId: words, arn: words },
    requestParameters: { bucketName: words, deep: { deeper: [words] } },
    responseElements: null,
  });
}

async function find(on: Platform, account: string, word: string): Promise<string[]> {
  const { events } = await graphql<{ events: { edges: { node: { eventId: string; raw: string } }[] } }>(
    on,
    `
      query ($account: AccountId!, $words: String!) {
        events(filter: { account: { equals: $account }, words: $words }, first: 50) {
          edges {
            node {
              eventId
              raw
            }
          }
        }
      }
    `,
    { account, words: word },
  );
  return events.edges.map(({ node }) => node.eventId);
}
