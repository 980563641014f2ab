import { parse } from 'graphql';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openOwnTrail, type OwnTrailOffice } from '#cli/own-trail';
import type { JsonObject } from '#domain/event';
import { readRecord } from '#domain/event-parse';
import type { JobBoard, JobDesk } from '#domain/jobs';
import type { Principal } from '#domain/principal';
import { createOrm, type MikroORM } from '#platform/db';
import { createLog } from '#platform/log';
import { runInRequest } from '#platform/request-context';
import { OrganizationService, ORGANIZATION_ENTITIES, organization } from '#subgraphs/organization/index';
import { buildSubgraph } from '#subgraphs/shared/build-subgraph';
import { createTestDatabase, type TestDatabase } from '#test/harness';

const A = '111111111111';
const ALL: Principal = { keyId: 'k1', role: 'administrator', accounts: 'ALL' };
const nothing = (): never => {
  throw new Error('No job is started here.');
};
const desk: JobDesk = { start: nothing, find: nothing };
const board: JobBoard = { list: nothing, retry: nothing };

let database: TestDatabase;
let orm: MikroORM;
let log: ReturnType<typeof createLog>;

beforeAll(async () => {
  database = await createTestDatabase();
  orm = await createOrm(database.url, ORGANIZATION_ENTITIES);
  log = createLog({ level: 'silent', name: 'test' });
  await database.pool.query(`INSERT INTO account (id, name) VALUES ('${A}', 'Alpha')`);
});
afterAll(async () => {
  await orm.close();
  await database.drop();
});
beforeEach(() => database.pool.query('TRUNCATE own_event'));

interface Process extends OwnTrailOffice {
  readonly service: OrganizationService;
  readonly ask: (
    text: string,
    principal?: Principal,
  ) => Promise<{ readonly data: string; readonly codes: unknown[] }>;
}

/** As each process of an installation has it. */
function openProcess({ recordReads = false } = {}): Process {
  const nameOf = (id: string): Promise<string | undefined> => service.authenticator.nameOf(id);
  const { pool } = database;
  const office = openOwnTrail({ config: { recordReads }, pool, pubsub: undefined, nameOf, log });
  const service = new OrganizationService({ orm, desk, board, log, watch: office.watch });
  const subgraph = buildSubgraph(organization, { services: service, log, recorder: office.recorder });
  return {
    ...office,
    service,
    async ask(text, principal = ALL) {
      const caller = { principal, requestId: 'r-7', clientAddress: '192.0.2.7', userAgent: 'tool/1' };
      const { signal } = new AbortController();
      const { data, errors = [] } = await subgraph.execute({ document: parse(text), caller, signal });
      return { data: JSON.stringify(data), codes: errors.map(({ extensions }) => extensions['code']) };
    },
  };
}

/** The records that wait, in order; begun ones first. */
async function waiting(): Promise<readonly JsonObject[]> {
  const sql = 'SELECT record FROM own_event ORDER BY number NULLS FIRST';
  const { rows } = await database.pool.query<{ record: string }>(sql);
  return rows.map(({ record }) => readRecord(Buffer.from(record)));
}

async function newKeyOf({ ask }: Process, input: string): Promise<string> {
  const { data } = await ask(`mutation { createApiKey(input: ${input}) { secret } }`);
  return /cairn_[a-z2-7]+_[a-z2-7]+/.exec(data)?.[0] ?? '';
}

it('records a mutation for the account that it concerns, without the secret that it answers', async () => {
  const process = openProcess();
  const secret = await newKeyOf(process, `{ name: "shop", role: INGEST, accounts: ["${A}"] }`);
  expect(secret).toMatch(/^cairn_/);
  expect(await waiting()).toEqual([
    expect.objectContaining({
      eventName: 'CreateApiKey',
      sourceIPAddress: '192.0.2.7',
      userAgent: 'tool/1',
      requestID: 'r-7',
      requestParameters: { input: { name: 'shop', role: 'INGEST', accounts: [A] } },
    }),
  ]);
  const { rows } = await database.pool.query('SELECT * FROM own_event');
  expect(rows).toEqual([expect.objectContaining({ accounts: [A], state: 'READY' })]);
  expect(JSON.stringify(rows)).not.toContain(secret.slice(23));
});

it('does nothing that it cannot record', async () => {
  const { ask } = openProcess();
  await database.pool.query('ALTER TABLE own_event RENAME TO gone');
  try {
    const { codes } = await ask(
      'mutation { createAccount(input: { id: "333333333333" }) { account { id } } }',
    );
    expect(codes).toEqual(['UNAVAILABLE']);
  } finally {
    await database.pool.query('ALTER TABLE gone RENAME TO own_event');
  }
  const { rows } = await database.pool.query(`SELECT 1 FROM account WHERE id = '333333333333'`);
  expect(rows).toEqual([]);
});

it('counts refusals of every kind, one event each, and never says what was presented', async () => {
  const process = openProcess();
  const auditor: Principal = { keyId: 'k2', role: 'auditor', accounts: [A] };
  for (let round = 0; round < 20; round++) {
    await process.ask('mutation { rebuildHistory { job { id } } }', auditor);
    await process.ask('{ apiKeys { edges { node { id } } } }', auditor);
    await process.ask('mutation { createAccount(input: { id: "333333333333" }) { account { id } } }', {
      ...ALL,
      accounts: [A],
    });
    const context = { requestId: 'r', clientAddress: `198.51.100.${round}`, path: '/graphql' };
    await runInRequest(context, async () => {
      const made = `cairn_${'a'.repeat(15)}${'abcdefghijklmnopqrst'.charAt(round)}_${'b'.repeat(52)}`;
      expect(await process.service.authenticator.authenticate(`Bearer ${made}`)).toBeNull();
      expect(await process.service.tickets.redeem('c'.repeat(43))).toBeNull();
    });
  }
  await process.recorder.close();
  const told = await waiting();
  const seen = told.map(({ eventName, errorCode, additionalEventData }) =>
    [eventName, errorCode, Object(additionalEventData).count ?? 1].join(' '),
  );
  const kinds = [
    ['RebuildHistory', 'FORBIDDEN'],
    ['ApiKeys', 'FORBIDDEN'],
    ['CreateAccount', 'FORBIDDEN'],
    ['Authenticate', 'UNAUTHENTICATED'],
    ['RedeemStreamTicket', 'UNAUTHENTICATED'],
  ];
  const expected = kinds.flatMap((kind) => [[...kind, 1].join(' '), [...kind, 19].join(' ')]);
  expect(seen.toSorted()).toEqual(expected.toSorted());
  expect(JSON.stringify(told)).not.toMatch(/bbbb|cccc/);
});

it('tells the first use of a key once, whatever processes see it', async () => {
  const [one, other] = [openProcess(), openProcess()];
  const secret = await newKeyOf(one, '{ name: "new", role: AUDITOR, allAccounts: true }');
  await database.pool.query('TRUNCATE own_event');
  for (const { service } of [one, other, one]) {
    expect(await service.authenticator.authenticate(`Bearer ${secret}`)).not.toBeNull();
  }
  await Promise.all([one.service.close(), other.service.close()]);
  expect(await waiting()).toEqual([
    expect.objectContaining({
      eventName: 'UseApiKeyFirst',
      userIdentity: expect.objectContaining({ userName: 'new', principalId: secret.slice(6, 22) }),
    }),
  ]);
});

it('records reads where it is told to, with what was asked and how much was found', async () => {
  await openProcess().ask('{ accounts(first: 5) { edges { node { id } } } }');
  expect(await waiting()).toEqual([]);
  const { ask } = openProcess({ recordReads: true });
  await ask('{ accounts(first: 5) { edges { node { id } } } }', { ...ALL, role: 'auditor', accounts: [A] });
  expect(await waiting()).toEqual([
    expect.objectContaining({
      eventName: 'Accounts',
      readOnly: true,
      requestParameters: { first: 5 },
      responseElements: { count: 1 },
    }),
  ]);
});
