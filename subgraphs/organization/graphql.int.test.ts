import { parse } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobBoard, JobDefinition, JobDesk, JobRun } from '#domain/jobs';
import type { Principal, Role } from '#domain/principal';
import { createOrm } from '#platform/db';
import type { MikroORM } from '#platform/db';
import { ORGANIZATION_ENTITIES, OrganizationService, organization } from '#subgraphs/organization/index';
import { buildSubgraph } from '#subgraphs/shared/build-subgraph';
import type { Subgraph } from '#subgraphs/shared/build-subgraph';
import { createTestDatabase } from '#test/harness';
import type { TestDatabase } from '#test/harness';

const A = '111111111111';
const B = '222222222222';
const RUN: JobRun = {
  id: 'run-1',
  name: 'eraseAccount',
  account: A,
  state: 'SUCCEEDED',
  attempts: 2,
  progress: { done: 4_294_967_296, total: undefined },
  result: { erased: 'journal' },
  error: undefined,
  createdAt: new Date('2026-11-23T12:00:00Z'),
  startedAt: new Date('2026-11-23T12:00:01Z'),
  finishedAt: new Date('2026-11-23T12:00:02Z'),
};

let database: TestDatabase;
let orm: MikroORM;
let service: OrganizationService;
let subgraph: Subgraph;
const errors: object[] = [];

const desk: JobDesk = {
  start: <P>(definition: JobDefinition<P>, payload: P) =>
    Promise.resolve({ ...RUN, name: definition.name, account: definition.account?.(payload) }),
  find: (id) => Promise.resolve(id === RUN.id ? RUN : undefined),
};

const SEAL: JobRun = { ...RUN, id: 'sealTail', name: 'sealTail', account: undefined };
const board: JobBoard = {
  list: ({ states, name }, { direction, cursor, limit }) => {
    const all = [RUN, SEAL].filter(
      (run) => (name ?? run.name) === run.name && (states?.includes(run.state) ?? true),
    );
    const ordered = direction === 'forward' ? all : all.toReversed();
    const from = cursor === undefined ? 0 : ordered.findIndex(({ id }) => id === cursor.id) + 1;
    return Promise.resolve(ordered.slice(from, from + limit));
  },
  retry: (id) => Promise.resolve(id === 'dead' ? { ...RUN, id, state: 'QUEUED' } : undefined),
};

beforeAll(async () => {
  database = await createTestDatabase();
  orm = await createOrm(database.url, ORGANIZATION_ENTITIES);
  const log = { error: (fields: object) => void errors.push(fields) };
  service = new OrganizationService({ orm, desk, board, log });
  subgraph = buildSubgraph(organization, { services: service, log });
});
afterAll(async () => {
  expect(errors).toEqual([]);
  await orm.close();
  await database.drop();
});
beforeEach(async () => {
  await database.pool.query(`TRUNCATE api_key; DELETE FROM account WHERE id <> '000000000000'`);
  await database.pool.query(`INSERT INTO account (id, name) VALUES ('${A}', 'Alpha'), ('${B}', 'Beta')`);
});

interface Answer {
  readonly data: Record<string, unknown>;
  readonly codes: unknown[];
}

async function ask(
  document: string,
  variables: Record<string, unknown> = {},
  [role, accounts]: readonly [Role, Principal['accounts']] = ['administrator', 'ALL'],
): Promise<Answer> {
  const { data, errors: failures = [] } = await subgraph.execute({
    document: parse(document),
    variables,
    caller: { principal: { keyId: 'caller', role, accounts }, requestId: 'r', clientAddress: undefined },
    signal: new AbortController().signal,
  });
  // Through JSON, as it travels: enums, dates and cursors in their outside form.
  const plain = JSON.parse(JSON.stringify(data ?? {})) as Answer['data'];
  return { data: plain, codes: failures.map((error) => error.extensions['code']) };
}

const CREATE_KEY = `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) {
  apiKey { id name role accounts status createdBy expiresAt revokedAt lastUsedAt } secret
  userErrors { code path message } } }`;

describe('keys over GraphQL', () => {
  it('are made, listed and revoked; the secret is shown once and lets its holder in', async () => {
    const input = { name: 'Shipper', role: 'INGEST', accounts: [A], expiresAt: '2099-01-01T00:00:00Z' };
    const { data, codes } = await ask(CREATE_KEY, { input });
    expect(codes).toEqual([]);
    const { apiKey, secret, userErrors } = data['createApiKey'] as {
      apiKey: { id: string };
      secret: string;
      userErrors: unknown[];
    };
    expect(userErrors).toEqual([]);
    expect(apiKey).toMatchObject({ role: 'INGEST', accounts: [A], status: 'ACTIVE', createdBy: 'caller' });
    expect(await service.authenticator.authenticate(`Bearer ${secret}`)).toMatchObject({ role: 'ingest' });

    const revoke = `mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { status } userErrors { code } } }`;
    expect((await ask(revoke, { id: apiKey.id })).data).toEqual({
      revokeApiKey: { apiKey: { status: 'REVOKED' }, userErrors: [] },
    });
    expect(await service.authenticator.authenticate(`Bearer ${secret}`)).toBeNull();
    const list = await ask('{ apiKeys { edges { node { id status } } } apiKey(id: "nobody") { id } }');
    expect(list.data).toEqual({
      apiKeys: { edges: [{ node: { id: apiKey.id, status: 'REVOKED' } }] },
      apiKey: null,
    });
    await service.close();
  });

  it('must be scoped in exactly one way', async () => {
    const faults = async (scope: object) => {
      const { data } = await ask(CREATE_KEY, { input: { name: 'x', role: 'AUDITOR', ...scope } });
      return (data['createApiKey'] as { userErrors: { path: string }[] }).userErrors.map(({ path }) => path);
    };
    expect(await faults({})).toEqual(['input.accounts']);
    expect(await faults({ allAccounts: false })).toEqual(['input.accounts']);
    expect(await faults({ allAccounts: true, accounts: [A] })).toEqual(['input.accounts']);
    expect(await faults({ allAccounts: true })).toEqual([]);
    expect(await faults({ accounts: [B], allAccounts: false })).toEqual([]);
  });

  it('are no business of a key that only records, whatever it asks', async () => {
    const input = { name: 'x', role: 'AUDITOR' };
    expect((await ask(CREATE_KEY, { input }, ['ingest', [A]])).codes).toEqual(['FORBIDDEN']);
  });

  it.each(['\u0000', '\ud800', 'nobody', ''])('named %j are not there', async (id) => {
    const query = 'query ($id: ID!) { apiKey(id: $id) { id } }';
    expect(await ask(query, { id })).toEqual({ data: { apiKey: null }, codes: [] });
    const revoke = 'mutation ($id: ID!) { revokeApiKey(id: $id) { userErrors { code } } }';
    expect((await ask(revoke, { id })).data).toEqual({
      revokeApiKey: { userErrors: [{ code: 'NOT_FOUND' }] },
    });
  });

  it('come page by page', async () => {
    for (const name of ['one', 'two', 'three']) {
      await ask(CREATE_KEY, { input: { name, role: 'AUDITOR', allAccounts: true } });
    }
    interface Page {
      edges: { node: { name: string }; cursor: string }[];
      pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean };
    }
    const page = async (args: string) => {
      const query = `{ apiKeys(${args}) { edges { node { name } cursor } pageInfo { hasNextPage hasPreviousPage } } }`;
      return (await ask(query)).data['apiKeys'] as Page;
    };
    const all = (await page('first: 3')).edges;
    const first = await page('first: 2');
    expect(first.edges).toEqual(all.slice(0, 2));
    expect(first.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: false });
    const second = await page(`first: 2, after: "${first.edges[1]?.cursor}"`);
    expect(second.edges).toEqual(all.slice(2));
    expect(second.pageInfo).toEqual({ hasNextPage: false, hasPreviousPage: true });
    const back = await page(`last: 1, before: "${all[2]?.cursor}"`);
    expect(back.edges).toEqual(all.slice(1, 2));
    expect(back.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: true });
    expect(await ask('{ apiKeys(after: "bm9uc2Vuc2U") { edges { cursor } } }')).toMatchObject({
      codes: ['INVALID_CURSOR'],
    });
    expect((await ask('{ apiKeys(first: 201) { edges { cursor } } }')).codes).toEqual(['LIMIT_EXCEEDED']);
  });
});

describe('accounts over GraphQL', () => {
  it('are made and changed; what is left out stays, null unsets', async () => {
    const fields = 'account { id name retentionMonths historyDays } userErrors { code path }';
    const create = `mutation ($input: CreateAccountInput!) { createAccount(input: $input) { ${fields} } }`;
    const update = `mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { ${fields} } }`;
    const id = '333333333333';
    const made = await ask(create, { input: { id, name: 'Gamma', retentionMonths: 6, historyDays: 30 } });
    const account = { id, name: 'Gamma', retentionMonths: 6, historyDays: 30 };
    expect(made.data).toEqual({ createAccount: { account, userErrors: [] } });
    expect((await ask(update, { input: { id, historyDays: null } })).data).toEqual({
      updateAccount: { account: { ...account, historyDays: null }, userErrors: [] },
    });
    expect((await ask(create, { input: { id } })).data).toEqual({
      createAccount: { account: null, userErrors: [{ code: 'ALREADY_EXISTS', path: 'input.id' }] },
    });
  });

  it('are seen, resolved and paged within the key’s accounts only', async () => {
    const query = `{ own: account(id: "${A}") { name } foreign: account(id: "${B}") { name }
      unknown: account(id: "999999999999") { name } accounts(first: 5) { edges { node { id } } } }`;
    const { data, codes } = await ask(query, {}, ['auditor', [A]]);
    expect(codes).toEqual([]);
    expect(data).toEqual({
      own: { name: 'Alpha' },
      foreign: null,
      unknown: null,
      accounts: { edges: [{ node: { id: A } }] },
    });

    const entities = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Account { id name } } }`;
    const r = [A, B, '999999999999', 'nonsense'].map((id) => ({ __typename: 'Account', id }));
    expect((await ask(entities, { r }, ['auditor', [A]])).data).toEqual({
      _entities: [{ id: A, name: 'Alpha' }, null, null, null],
    });
  });
});

describe('jobs over GraphQL', () => {
  it('lists runs for who looks after the installation, page by page, and begins dead ones anew', async () => {
    const page = 'edges { node { id name schedule nextRunAt } } pageInfo { hasNextPage endCursor }';
    const first = (await ask(`{ jobs(first: 1) { ${page} } }`)).data['jobs'] as {
      pageInfo: { hasNextPage: boolean; endCursor: string };
    };
    expect(first).toMatchObject({
      edges: [{ node: { id: 'run-1', schedule: null, nextRunAt: null } }],
      pageInfo: { hasNextPage: true },
    });
    const next = await ask(`query ($after: String) { jobs(first: 1, after: $after) { ${page} } }`, {
      after: first.pageInfo.endCursor,
    });
    expect(next.data).toMatchObject({
      jobs: {
        edges: [{ node: { id: 'sealTail', schedule: 'every 2 s', nextRunAt: '2026-11-23T12:00:03Z' } }],
        pageInfo: { hasNextPage: false },
      },
    });
    const some = await ask(
      `{ jobs(filter: { state: [SUCCEEDED], name: "sealTail" }) { edges { node { id } } } }`,
    );
    expect(some.data).toEqual({ jobs: { edges: [{ node: { id: 'sealTail' } }] } });
    expect((await ask(`{ jobs(filter: { state: [DEAD] }) { edges { node { id } } } }`)).data).toEqual({
      jobs: { edges: [] },
    });
    expect((await ask('{ jobs(after: "bm9uc2Vuc2U") { edges { cursor } } }')).codes).toEqual([
      'INVALID_CURSOR',
    ]);
    expect((await ask('{ job(id: "run-1") { id } }')).data).toEqual({ job: { id: 'run-1' } });
    const retry = (id: string) =>
      ask(`mutation { retryJob(id: "${id}") { job { state } userErrors { code path } } }`);
    expect((await retry('dead')).data).toEqual({ retryJob: { job: { state: 'QUEUED' }, userErrors: [] } });
    for (const [id, code] of [
      ['run-1', 'CONFLICT'],
      ['nobody', 'NOT_FOUND'],
    ]) {
      expect((await retry(id ?? '')).data).toEqual({
        retryJob: { job: null, userErrors: [{ code, path: 'id' }] },
      });
    }
  });

  it('are started and looked after', async () => {
    const erase = `mutation { eraseAccount(account: "${A}", before: "2026-02-01T00:00:00Z") {
      job { id name account } userErrors { code } } rebuildHistory { job { name account } userErrors { code } } }`;
    expect((await ask(erase)).data).toEqual({
      eraseAccount: { job: { id: 'run-1', name: 'eraseAccount', account: A }, userErrors: [] },
      rebuildHistory: { job: { name: 'rebuildHistory', account: null }, userErrors: [] },
    });
    const query = `{ jobRun(id: "run-1") { state attempts progress { done total } result error createdAt finishedAt } }`;
    expect((await ask(query, {}, ['auditor', [A]])).data).toEqual({
      jobRun: {
        state: 'SUCCEEDED',
        attempts: 2,
        progress: { done: 4_294_967_296, total: null },
        result: '{"erased":"journal"}',
        error: null,
        createdAt: '2026-11-23T12:00:00Z',
        finishedAt: '2026-11-23T12:00:02Z',
      },
    });
    expect((await ask(query, {}, ['auditor', [B]])).data).toEqual({ jobRun: null });
  });

  it('name the nearest months for an erasure that ends between them', async () => {
    const erase = `mutation { eraseAccount(account: "${A}", before: "2026-02-03T00:00:00Z") {
      job { id } userErrors { code path message } } }`;
    expect((await ask(erase)).data).toMatchObject({
      eraseAccount: {
        job: null,
        userErrors: [
          { code: 'INVALID_ARGUMENT', path: 'before', message: expect.stringContaining('2026-03-01') },
        ],
      },
    });
  });
});

describe('roles', () => {
  it('keep everybody to what he may do', async () => {
    const forbidden: [string, readonly [Role, Principal['accounts']]][] = [
      ['{ accounts { edges { cursor } } }', ['ingest', 'ALL']],
      ['{ apiKeys { edges { cursor } } }', ['auditor', 'ALL']],
      ['{ apiKey(id: "x") { id } }', ['auditor', 'ALL']],
      ['{ jobRun(id: "run-1") { id } }', ['ingest', [A]]],
      ['{ job(id: "run-1") { id } }', ['administrator', [A]]],
      ['{ jobs { edges { node { id } } } }', ['auditor', 'ALL']],
      ['mutation { retryJob(id: "dead") { job { id } } }', ['administrator', [A]]],
      ['mutation { rebuildHistory { job { id } } }', ['auditor', 'ALL']],
      ['mutation { rebuildHistory { job { id } } }', ['administrator', [A]]],
      [`mutation { eraseAccount(account: "${A}") { job { id } } }`, ['administrator', [A]]],
      [`mutation { createAccount(input: { id: "${A}" }) { account { id } } }`, ['administrator', [A]]],
      ['mutation { revokeApiKey(id: "x") { apiKey { id } } }', ['ingest', 'ALL']],
    ];
    for (const [document, caller] of forbidden) {
      expect([document, (await ask(document, {}, caller)).codes]).toEqual([document, ['FORBIDDEN']]);
    }
  });
});
