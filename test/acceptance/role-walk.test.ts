import { type IntrospectionQuery, buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { graphql, settled } from '#test/acceptance/client';
import { type Platform, startPlatform } from '#test/acceptance/platform';
import { type WalkReport, walkRoles } from '#test/federation/role-walk';

const SUBGRAPHS = ['events', 'insights', 'lake', 'organization', 'trails'];
const OWNER = '111122223333';
const STRANGER = '444455556666';
const NOBODY = '777788889999';
const CANARY = 'canary-in-the-record';

describe('who sees what', () => {
  let platform: Platform;
  let report: WalkReport;

  beforeAll(async () => {
    // Nobody listens at the webhook: what waits for it is there to be seen.
    platform = await startPlatform({ env: { CAIRN_WEBHOOK_NETWORKS: '127.0.0.0/8' } });
    report = await walk(platform);
  });
  afterAll(async () => platform[Symbol.asyncDispose]());

  test('every field and every entity, at the gateway and at each subgraph, with every role and a foreign account', () => {
    expect(report.findings).toEqual([]);
    expect(report.asked).toBeGreaterThan(150);
  });

  test('the walk sees what it guards: an administrator is answered everywhere', () => {
    expect(report.blind).toEqual([]);
  });
});

async function walk(platform: Platform): Promise<WalkReport> {
  for (const id of [OWNER, STRANGER]) await createAccount(platform, id);
  const auditor = await createKey(platform, { role: 'AUDITOR', allAccounts: true });
  const ingest = await createKey(platform, { role: 'INGEST', accounts: [OWNER] });
  const foreign = await createKey(platform, { role: 'AUDITOR', accounts: [STRANGER] });
  const alert = await putAlert(platform);
  const event = await recordOne(platform);
  await untilRaised(platform);
  const run = await eraseNothing(platform);
  const taken = await takeAlong(platform);
  const urls = SUBGRAPHS.map((name) => `${platform.url}/subgraphs/${name}/graphql`);
  return walkRoles({
    gateway: { url: `${platform.url}/graphql`, sdl: await sdlOf(`${platform.url}/graphql`, platform.apiKey) },
    doors: await Promise.all(urls.map(async (url) => ({ url, sdl: await sdlOf(url, platform.apiKey) }))),
    keys: {
      administrator: platform.apiKey,
      auditor: auditor.secret,
      ingest: ingest.secret,
      foreign: foreign.secret,
    },
    owned: {
      AccountId: OWNER,
      'event.id': event,
      'apiKey.id': ingest.id,
      'revokeApiKey.id': ingest.id,
      'jobRun.id': run,
      'job.id': run,
      'retryJob.id': run,
      'export.id': taken,
      'cancelExport.id': taken,
      'deleteExport.id': taken,
      'alert.id': alert,
      'alertMatches.alert': alert,
      'alertDeliveries.alert': alert,
      'sendAlertsAgain.alert': alert,
      'testAlert.alert': alert,
      'deleteAlert.id': alert,
      first: 2,
    },
    missing: {
      AccountId: NOBODY,
      'event.id': mangled(event),
      'apiKey.id': 'nobodys',
      'revokeApiKey.id': 'nobodys',
      'jobRun.id': 'nobodys',
      'job.id': 'nobodys',
      'retryJob.id': 'nobodys',
      'export.id': 'nobodys',
      'cancelExport.id': 'nobodys',
      'deleteExport.id': 'nobodys',
      'alert.id': 'nobodys',
      'alertMatches.alert': 'nobodys',
      'alertDeliveries.alert': 'nobodys',
      'sendAlertsAgain.alert': 'nobodys',
      'testAlert.alert': 'nobodys',
      'deleteAlert.id': 'nobodys',
      first: 2,
    },
    entity: (type) =>
      type === 'Event' ? { owned: event, missing: mangled(event) } : { owned: OWNER, missing: NOBODY },
    secrets: [OWNER, CANARY, event, ingest.id, run, taken, alert],
    ingestMutations: ['recordEvents'],
  });
}

async function createAccount(platform: Platform, id: string): Promise<void> {
  const query = `mutation ($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code } } }`;
  const data = await graphql(platform, query, { input: { id, name: `account ${id}` } });
  expect(data).toEqual({ createAccount: { userErrors: [] } });
}

async function createKey(platform: Platform, input: object): Promise<{ id: string; secret: string }> {
  const { createApiKey } = await graphql<{ createApiKey: { secret: string; apiKey: { id: string } } }>(
    platform,
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret apiKey { id } } }',
    { input: { name: 'walker', ...input } },
  );
  return { id: createApiKey.apiKey.id, secret: createApiKey.secret };
}

/** An alert of all events of OWNER. Gives its id. */
async function putAlert(platform: Platform): Promise<string> {
  const { putAlert: put } = await graphql<{ putAlert: { alert: { id: string } } }>(
    platform,
    'mutation ($input: PutAlertInput!) { putAlert(input: $input) { alert { id } } }',
    {
      input: {
        name: CANARY,
        filter: { account: { equals: OWNER } },
        webhook: { url: `http://127.0.0.1:1/${CANARY}` },
      },
    },
  );
  return put.alert.id;
}

async function untilRaised(platform: Platform): Promise<void> {
  for (;;) {
    const { alertMatches } = await graphql<{ alertMatches: { edges: unknown[] } }>(
      platform,
      '{ alertMatches(first: 1) { edges { cursor } } }',
    );
    if (alertMatches.edges.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Records one event of OWNER and gives its id. */
async function recordOne(platform: Platform): Promise<string> {
  const record = {
    eventVersion: '1.11',
    eventID: '11111111-2222-3333-4444-555555555555',
    eventTime: new Date().toISOString().replace(/\.\d+Z/, 'Z'),
    eventSource: 's3.amazonaws.com',
    eventName: CANARY,
    awsRegion: 'eu-central-1',
    sourceIPAddress: '192.0.2.7',
    userAgent: 'walker',
    eventType: 'AwsApiCall',
    eventCategory: 'Management',
    managementEvent: true,
    readOnly: true,
    recipientAccountId: OWNER,
    userIdentity: { type: 'Root', accountId: OWNER, principalId: OWNER, arn: `arn:aws:iam::${OWNER}:root` },
    requestParameters: null,
    responseElements: null,
    requestID: 'ABCDEF',
  };
  await graphql(
    platform,
    'mutation ($input: RecordEventsInput!) { recordEvents(input: $input) { recorded } }',
    { input: { events: [{ eventData: JSON.stringify(record) }] } },
  );
  await settled(platform);
  const { events } = await graphql<{ events: { edges: { node: { id: string } }[] } }>(
    platform,
    'query ($a: AccountId!) { events(filter: { account: { equals: $a } }, first: 1) { edges { node { id } } } }',
    { a: OWNER },
  );
  return events.edges[0]!.node.id;
}

/** A job that concerns OWNER: erases what happened before there was anything. Gives the run's id. */
async function eraseNothing(platform: Platform): Promise<string> {
  const { eraseAccount } = await graphql<{ eraseAccount: { job: { id: string } } }>(
    platform,
    'mutation ($a: AccountId!, $b: DateTime!) { eraseAccount(account: $a, before: $b) { job { id } } }',
    { a: OWNER, b: '1971-01-01T00:00:00Z' },
  );
  return eraseAccount.job.id;
}

/** An export of OWNER's events, written to its end. Gives its id. */
async function takeAlong(platform: Platform): Promise<string> {
  const { startExport } = await graphql<{ startExport: { id: string } }>(
    platform,
    `
      mutation ($a: AccountId!) {
        startExport(input: { filter: { account: { equals: $a } }, format: NDJSON }) {
          id
        }
      }
    `,
    { a: OWNER },
  );
  const query = 'query ($id: ID!) { export(id: $id) { state } }';
  for (;;) {
    const { export: found } = await graphql<{ export: { state: string } }>(platform, query, startExport);
    if (found.state === 'SUCCEEDED') return startExport.id;
    expect(['QUEUED', 'RUNNING']).toContain(found.state);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** An id of the same form that belongs to no event. */
function mangled(id: string): string {
  return `${id.startsWith('A') ? 'B' : 'A'}${id.slice(1)}`;
}

async function sdlOf(url: string, apiKey: string): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ query: getIntrospectionQuery() }),
  });
  const { data } = (await response.json()) as { data: IntrospectionQuery };
  return printSchema(buildClientSchema(data));
}
