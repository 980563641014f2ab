import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { graphql, settled } from '#test/acceptance/client';
import { kill } from '#test/soak/kill';
import { cairn, startPlatform, temporaryFolder, type Platform } from '#test/acceptance/platform';

const ACCOUNT = '111122223333';
const ERASED = '444455556666';

interface Told {
  readonly eventName: string;
  readonly recipientAccountId: string;
  readonly sourceIPAddress: string;
  readonly errorCode?: string;
  readonly userIdentity: { readonly type: string; readonly principalId?: string; readonly userName?: string };
  readonly requestParameters: { readonly input?: object } | null;
  readonly serviceEventDetails?: Readonly<Record<string, unknown>>;
}

let folder: string;
let platform: Platform;
/** Everything that must be in no record. */
const secrets: string[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  platform = await startPlatform({ dataDir: join(folder, 'data') });
  secrets.push(platform.apiKey);
});
afterAll(async () => {
  await platform.stop();
  await rm(folder, { recursive: true, force: true });
});

it('tells who did what from where, for the account that it concerns, and no secret', async () => {
  await run('mutation { createAccount(input: { id: "111122223333", name: "shop" }) { account { id } } }');
  await run('mutation { createAccount(input: { id: "444455556666" }) { account { id } } }');
  const key = await createKey('{ name: "till", role: INGEST, accounts: ["111122223333"] }');
  await run(
    'mutation { updateAccount(input: { id: "111122223333", retentionMonths: 12 }) { account { id } } }',
  );
  await run(`mutation { revokeApiKey(id: "${key.id}") { apiKey { id } } }`);
  const { createStreamTicket } = await graphql<{ createStreamTicket: { ticket: string } }>(
    platform,
    'mutation { createStreamTicket { ticket } }',
  );
  secrets.push(createStreamTicket.ticket);
  // Somebody takes the wrong field.
  await run(`mutation { revokeApiKey(id: "${key.secret}") { userErrors { code } } }`);

  const told = await toldOf(ACCOUNT);
  expect(told.map(({ eventName }) => eventName)).toEqual([
    'CreateAccount',
    'CreateApiKey',
    'UpdateAccount',
    'RevokeApiKey',
  ]);
  expect(told[1]).toMatchObject({
    sourceIPAddress: '127.0.0.1',
    userIdentity: { type: 'CairnKey', principalId: keyId(platform.apiKey), userName: 'First administrator' },
    requestParameters: { input: { name: 'till', role: 'INGEST', accounts: [ACCOUNT] } },
    responseElements: { apiKey: { id: key.id } },
  });
  const own = await toldOf('000000000000');
  expect(own.find(({ errorCode }) => errorCode === 'NOT_FOUND')).toMatchObject({ eventName: 'RevokeApiKey' });
  expect(own.map(({ eventName }) => eventName)).toEqual(
    expect.arrayContaining([
      'BeginLog',
      'CreateApiKey',
      'StartProcess',
      'UseApiKeyFirst',
      'CreateStreamTicket',
    ]),
  );
});

it('tells of exports from their beginning to their download', async () => {
  const file = join(folder, 'taken.csv');
  const env = { CAIRN_URL: platform.url, CAIRN_API_KEY: platform.apiKey };
  expect(await cairn(['export', '--filter', 'eventSource=cairn', '--out', file], env)).toMatchObject({
    code: 0,
  });
  const names = (await toldOf('000000000000')).map(({ eventName }) => eventName);
  for (const name of ['StartExport', 'FinishExport', 'DownloadExport']) {
    expect(names.filter((one) => one === name)).toHaveLength(1);
  }
});

it('tells the request of an erasure where it survives, and that it is done for the account', async () => {
  const { eraseAccount } = await graphql<{ eraseAccount: { job: { id: string } } }>(
    platform,
    'mutation { eraseAccount(account: "444455556666") { job { id } } }',
  );
  const { id } = eraseAccount.job;
  for (;;) {
    const { job } = await graphql<{ job: { state: string } }>(platform, `{ job(id: "${id}") { state } }`);
    if (job.state === 'SUCCEEDED') break;
    await delay(100);
  }
  // What was told for the account before (that it was made) went with the rest.
  expect(await toldOf(ERASED)).toEqual([
    expect.objectContaining({
      eventName: 'FinishErasure',
      serviceEventDetails: expect.objectContaining({ account: ERASED, job: id }),
    }),
  ]);
  const own = await toldOf('000000000000');
  expect(own.find(({ eventName }) => eventName === 'EraseAccount')).toMatchObject({
    userIdentity: { principalId: keyId(platform.apiKey) },
    requestParameters: { account: ERASED },
  });
});

it('counts those who are not let in, and says nothing of what they tried it with', async () => {
  const made = `cairn_${'a'.repeat(16)}_${'q'.repeat(52)}`;
  secrets.push(made);
  for (let tries = 0; tries < 30; tries++) {
    const answer = await fetch(`${platform.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${made}` },
      body: '{}',
    });
    expect(answer.status).toBe(401);
  }
  const auditor = await createKey('{ name: "eyes", role: AUDITOR, allAccounts: true }');
  for (let tries = 0; tries < 5; tries++) {
    const answer = graphql(
      { url: platform.url, apiKey: auditor.secret },
      'mutation { rebuildHistory { job { id } } }',
    );
    await expect(answer).rejects.toThrow('FORBIDDEN');
  }
  const forbidden = (await toldOf('000000000000')).filter(({ errorCode }) => errorCode === 'FORBIDDEN');
  expect(forbidden).toEqual([
    expect.objectContaining({
      eventName: 'RebuildHistory',
      userIdentity: expect.objectContaining({ principalId: auditor.id, userName: 'eyes' }),
    }),
  ]);
  const refused = (await toldOf('000000000000')).filter(({ eventName }) => eventName === 'Authenticate');
  expect(refused).toEqual([
    expect.objectContaining({
      errorCode: 'UNAUTHENTICATED',
      userIdentity: expect.objectContaining({ type: 'Unknown' }),
    }),
  ]);
});

it('tells of stops, starts, changed settings, and of an end that came without a word', async () => {
  await platform.stop();
  const again = { dataDir: platform.dataDir, apiKey: platform.apiKey };
  platform = await startPlatform({ ...again, env: { CAIRN_SEAL_SECONDS: '30' } });
  const changed = (await toldOf('000000000000')).filter(
    ({ eventName }) => eventName === 'ConfigurationChanged',
  );
  expect(changed.map(({ serviceEventDetails }) => serviceEventDetails?.['changes'])).toContainEqual(
    expect.objectContaining({ CAIRN_SEAL_SECONDS: { before: '60', after: '30' } }),
  );
  const names = (await toldOf('000000000000')).map(({ eventName }) => eventName);
  expect(names.filter((name) => name === 'StopProcess').length).toBeGreaterThanOrEqual(2);
  // What was counted of those who were not let in was told when the process ended.
  const counted = (await toldOf('000000000000')).filter(({ eventName }) => eventName === 'Authenticate');
  expect(counted[1]).toMatchObject({ additionalEventData: { count: 29 } });

  // The supervisor begins it again, and that one tells of the one before.
  await kill(platform, 'api');
  await expect.poll(lost, { timeout: 60_000, interval: 200 }).toEqual(['api']);
});

it('is in the journal like everything else, and no secret is in it', async () => {
  await settled(platform);
  const texts = await rawsOf({});
  expect(texts.length).toBeGreaterThan(25);
  for (const secret of secrets) {
    const proof = secret.split('_').at(-1) ?? secret;
    expect(texts.filter((text) => text.includes(proof))).toEqual([]);
  }
  const page =
    '{ events(first: 200, filter: { eventSource: { equals: "cairn" } }) { edges { node { source eventId } } } }';
  const { events } = await graphql<{ events: { edges: { node: { source: string; eventId: string } }[] } }>(
    platform,
    page,
  );
  expect(new Set(events.edges.map(({ node }) => node.source))).toEqual(new Set(['cairn']));
  expect(new Set(events.edges.map(({ node }) => node.eventId)).size).toBe(events.edges.length);
});

async function lost(): Promise<unknown[]> {
  try {
    const told = await toldOf('000000000000');
    const ends = told.filter(({ eventName }) => eventName === 'LoseProcess');
    return ends.map(({ serviceEventDetails }) => serviceEventDetails?.['name']);
  } catch {
    // It is not back yet.
    return [];
  }
}

function keyId(text: string): string {
  return text.split('_')[1] ?? '';
}

async function run(mutation: string): Promise<void> {
  await graphql(platform, mutation);
}

async function createKey(input: string): Promise<{ id: string; secret: string }> {
  const { createApiKey } = await graphql<{ createApiKey: { secret: string } }>(
    platform,
    `mutation { createApiKey(input: ${input}) { secret } }`,
  );
  secrets.push(createApiKey.secret);
  return { id: keyId(createApiKey.secret), secret: createApiKey.secret };
}

/** The oldest first, once nothing waits any more. */
async function toldOf(account: string): Promise<readonly Told[]> {
  while (!(await nothingWaits())) await delay(50);
  await settled(platform);
  const texts = await rawsOf({ account: { equals: account } });
  return texts.map((text) => JSON.parse(text) as Told);
}

async function nothingWaits(): Promise<boolean> {
  const text = await (await fetch(`${platform.url}/metrics`)).text();
  return /^cairn_own_events_waiting\S* 0$/m.test(text);
}

async function rawsOf(filter: object): Promise<string[]> {
  const query = `query ($filter: EventFilterInput!) {
    events(first: 200, orderBy: EVENT_TIME_ASC, filter: $filter) { edges { node { raw } } }
  }`;
  const own = { and: [filter, { eventSource: { equals: 'cairn' } }] };
  const { events } = await graphql<{ events: { edges: { node: { raw: string } }[] } }>(platform, query, {
    filter: own,
  });
  return events.edges.map(({ node }) => node.raw);
}
